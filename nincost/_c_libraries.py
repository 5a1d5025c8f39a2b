"""Compiles C of ours into shared libraries of Linux x86-64, with whatever compiler is there."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nincost.errors import EmulatorError


def system_compiler() -> str | None:
    """The system's C compiler."""
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def compiler() -> list[str]:
    """The command that compiles C."""
    name = system_compiler()
    if name is not None:
        return [name]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise EmulatorError(
        "no C compiler was found, and the emulated GPU is compiled once at first use: "
        "pip install ziglang, or your system's gcc"
    )


def compile_library(
    command: Sequence[str],
    sources: Sequence[Path],
    target: Path,
    soname: str,
    *flags: str,
) -> None:
    """Compile sources into a shared library of that name.

    Args:
        command: of the compiler, see `compiler`.
        target: the file to write.
        soname: under which other libraries look for it.
        flags: more of the compiler's options.

    Raises:
        EmulatorError: the compiler fails.
    """
    done = subprocess.run(
        [
            *command, "-std=gnu11", "-O1", "-g0", "-w", "-shared", "-fPIC", "-fvisibility=hidden",
            f"-Wl,-soname,{soname}", *flags, "-o", str(target), *map(str, sources),
            "-ldl", "-lpthread",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and re.search(r"fatal error: \S+\.h: No such file", done.stderr):
        raise EmulatorError(
            f"{' '.join(command)} finds no headers of the C library: install them (libc6-dev, "
            "glibc-devel); pip install ziglang helps where no other compiler is on PATH"
        )
    if done.returncode:
        raise EmulatorError(
            f"{' '.join(command)} could not compile the emulated GPU: {done.stderr.strip()[-600:]}"
        )
