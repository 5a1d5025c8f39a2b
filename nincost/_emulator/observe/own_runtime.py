"""Libraries with a CUDA runtime of their own, which find no driver on the emulated GPU.

What is linked against libcudart.so calls the emulated one. A library that brings the runtime in
itself (`cudart_static`, nvcc's default) looks for the driver, and fails at its first call.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from pathlib import Path

from nincost._emulator.elf import undefined

_MARK = b"libcuda.so.1"  # what the runtime loads
_OF_THE_EMULATION = ("libnincost_", "libnv", "libcudart", "libcuda.so", "libc10_cuda", "libtorch")
#: NVIDIA's own libraries and Triton, whose calls are emulated or not made.
_FOLDERS = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("nvidia", "torch", "triton", f"cuda{os.sep}bindings")
)


def libraries_with_own_runtime() -> list[str]:
    """Those that this process has loaded, by their paths."""
    with open("/proc/self/maps") as file:
        paths = dict.fromkeys(line.split(maxsplit=5)[-1].strip() for line in file if "/" in line)
    return [path for path in paths if _is_other(path) and _has_mark(path) and not _is_linked(path)]


def sentence(paths: Iterable[str]) -> str:
    """What to say of them; nothing where there are none."""
    names = ", ".join(dict.fromkeys(os.path.basename(path) for path in paths))
    if not names:
        return ""
    return (
        f"the script has loaded {names}, with a CUDA runtime linked in that finds no driver here: "
        "what it does on the card fails, or is not seen. Switch it off in the script "
        "(attn_implementation='sdpa', a torch optimizer), or install a build that is linked "
        "against libcudart.so"
    )


def _is_other(path: str) -> bool:
    name = os.path.basename(path)
    library = ".so" in name and not name.startswith(_OF_THE_EMULATION)
    return library and not any(folder in path for folder in _FOLDERS)


def _has_mark(path: str) -> bool:
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(_MARK) >= 0
    except (OSError, ValueError):
        return False


def _is_linked(path: str) -> bool:
    """Whether it calls the runtime of a library beside it, whatever else it is linked against."""
    return any(name.startswith("cuda") for name in undefined(Path(path)))
