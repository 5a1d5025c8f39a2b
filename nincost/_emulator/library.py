"""The emulated CUDA as shared libraries to preload, compiled once for each build of torch.

The C sources beside this file are compiled at first use, with `cc` or with the compiler that the
PyPI package ziglang brings, and kept in the user's cache folder under the hash of all that goes in.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nincost._c_libraries import compile_library, compiler
from nincost._devices.libraries.stand_ins import FOLDER as STAND_INS
from nincost._devices.libraries.stand_ins import compile_stand_in
from nincost._emulator import elf
from nincost._files import cache_folder
from nincost.errors import EmulatorError

PACKAGE = Path(__file__).resolve().parent
RUNTIME = PACKAGE / "runtime"
#: The folder in the cache that is put on PYTHONPATH: what Python runs when it starts, and nincost.
SITE = "site"
#: The program in the cache that stands for a C compiler, where the system has none.
COMPILER = "cc"
#: The libraries' names, in the order in which they are preloaded.
LIBRARIES = (
    "libnincost_cuda.so", "libnincost_nvml.so", "libnincost_cublaslt.so", "libnincost_nvrtc.so",
)  # fmt: skip
_CONTAINER = "docker run -v .:/work -w /work pytorch/pytorch:latest ..."

#: Functions of NVIDIA's libraries that run on the card: each must be the emulated one.
_OURS = re.compile(r"__cuda|cuda[A-Z]|cu[A-Z]|cublas|cudnn|cufft|cusolver|cusparse|nccl[A-Z]")
#: cuFile reads files into a card's memory; the real one says that there is none. So do the others
#: that are not named above.
_NOT_OURS = re.compile(r"cuFile")
#: A generated function that only says "done" is right for what computes, sets or destroys. One with
#: such a name has something to say, which nobody hears: it is noted when it is called.
_ANSWERS = re.compile(r"Get(?!LastError)|Create|Query|Size$|Size_v\d$|Find|bufferSize")
#: Those of the others that run kernels.
_COMPUTES = re.compile(r"(cublas|cudnn|cufft|cusolver|cusparse)(?!\w*(Set|Destroy))")


@dataclass(frozen=True, slots=True)
class Torch:
    """An interpreter's torch: its folder and version, and the CUDA that it was built with."""

    folder: Path
    version: str
    cuda: str

    @property
    def cuda_version(self) -> int:
        """As `CUDART_VERSION` has it: 13000 for 13.0."""
        major, minor = self.cuda.split(".")[:2]
        return int(major) * 1000 + int(minor) * 10

    @property
    def libraries(self) -> list[Path]:
        """Those that call CUDA."""
        folder = self.folder / "lib"
        found = [*folder.glob("libtorch*.so"), folder / "libc10_cuda.so"]
        found.append(folder / "libcaffe2_nvrtc.so")
        return sorted(path for path in found if path.exists() and path.name != "libtorch_cpu.so")

    @property
    def cuda_runtimes(self) -> list[Path]:
        """The libcudart that other libraries may call beside torch."""
        beside = self.folder.parent / "nvidia"
        return sorted(
            [*beside.glob("*/lib/libcudart.so.*"), *self.folder.glob("lib/libcudart*.so*")]
        )

    @property
    def products(self) -> list[Path]:
        """NVIDIA's libraries that link against cuBLASLt."""
        names = ("libcublas.so.*", "libcusolver*.so.*")
        beside, own = self.folder.parent / "nvidia", self.folder / "lib"
        return sorted(
            path for name in names for path in (*beside.glob(f"*/lib/{name}"), *own.glob(name))
        )


@functools.cache
def torch_of(python: str) -> Torch:
    """The torch that an interpreter would import; it is not imported."""
    program = (
        "import importlib.util, json, re\n"
        "spec = importlib.util.find_spec('torch')\n"
        "folder = spec.submodule_search_locations[0] if spec else None\n"
        "names = dict(re.findall(r'''^(\\w+)[^=\\n]*= *['\"]([^'\"]*)''',"
        " open(folder + '/version.py').read(), re.M)) if folder else {}\n"
        "print(json.dumps([folder, names.get('__version__', ''), names.get('cuda', '')]))\n"
    )
    try:
        done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    except OSError as error:
        raise EmulatorError(
            f"there is no interpreter {python!r} ({error.strerror}): give the path of a Python "
            "that has torch, such as venv/bin/python"
        ) from error
    if done.returncode:
        raise EmulatorError(
            f"{python} could not be asked for its torch: {done.stderr.strip()[-300:]}"
        )
    folder, version, cuda = json.loads(done.stdout)
    if folder is None:
        raise EmulatorError(f"{python} has no torch: pip install torch")
    if not cuda:
        raise EmulatorError(
            f"torch {version} of {python} is built without CUDA, and the emulated GPU runs "
            "PyTorch's CUDA code: install a CUDA build (pip install torch from PyPI is one on "
            "Linux; no GPU is needed), or use `nincost memory`, which works with any build"
        )
    return Torch(Path(folder), version, cuda)


def check_platform() -> None:
    """Raise `EmulatorError` where the emulated GPU cannot run at all."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise EmulatorError(
            f"the emulated GPU needs Linux on x86-64, and this is {platform.system()} on "
            f"{platform.machine()}: use `nincost memory`, which works everywhere, or a container: "
            f"{_CONTAINER}"
        )


def library(python: str = sys.executable) -> Path:
    """The shared library to preload for an interpreter's torch; its folder holds the other one.

    Raises `EmulatorError` without a compiler, a cache folder that can be written, a CUDA build of
    torch, or Linux on x86-64.
    """
    return folder_of(python) / LIBRARIES[0]


def folder_of(python: str = sys.executable) -> Path:
    """The folder of all that an interpreter's torch needs to find the emulated GPU."""
    check_platform()
    torch = torch_of(python)
    cache = cache_folder()
    folder = cache / f"emulator-{_hash(torch)}"
    if not folder.exists():
        _build(torch, folder)
    return folder


def _sources() -> list[Path]:
    return sorted([*RUNTIME.glob("*.c"), *RUNTIME.glob("*.h")])


def _hash(torch: Torch) -> str:
    """Of the sources, this file's rules, and of torch's libraries as they lie there."""
    known = hashlib.sha256(f"{torch} {PACKAGE}".encode())
    for path in [*_sources(), *sorted(STAND_INS.glob("*.*")), Path(__file__), Path(elf.__file__)]:
        known.update(path.read_bytes())
    for path in [*torch.libraries, *torch.cuda_runtimes, *torch.products]:
        stat = path.stat()
        known.update(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode())
    return known.hexdigest()[:16]


def _build(torch: Torch, folder: Path) -> None:
    """Compile into a temporary folder beside the target, and rename it: whole or absent."""
    command = compiler()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Path(tempfile.mkdtemp(prefix=".emulator-", dir=folder.parent))
    except OSError as error:
        raise EmulatorError(
            f"the emulated GPU is kept in {folder.parent}, which cannot be written to "
            f"({error.strerror}): set XDG_CACHE_HOME to a folder that can"
        ) from error
    try:
        cuda, nvml, cublaslt, nvrtc = LIBRARIES
        sources = [path for path in _sources() if path.suffix == ".c" and path.name != "nvml.c"]
        generated = made / "generated.c"
        generated.write_text(f"const int emulated_cuda_version = {torch.cuda_version};\n")
        parts = [*sources, generated]
        compile_library(command, parts, made / cuda, "libcuda.so.1", f"-I{RUNTIME}")
        generated.write_text(_generated(torch, elf.defined(made / cuda)))
        compile_library(command, parts, made / cuda, "libcuda.so.1", f"-I{RUNTIME}")
        compile_library(command, [RUNTIME / "nvml.c"], made / nvml, "libnvidia-ml.so.1")
        needed = set().union(*map(elf.undefined, [*torch.libraries, *torch.products]))
        for name, target, start in (("cublaslt", cublaslt, "cublasLt"), ("nvrtc", nvrtc, "nvrtc")):
            also = {one for one in needed if one.startswith(start)}
            compile_stand_in(name, torch.cuda_version, made / target, command, also)
        generated.unlink()
        for name in ("libcuda.so.1", "libcuda.so"):  # as Triton links against it
            (made / name).symlink_to(cuda)
        if command[0] == sys.executable:  # Triton needs one, too
            (made / COMPILER).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            (made / COMPILER).chmod(0o755)
        (made / SITE).mkdir()
        (made / SITE / "sitecustomize.py").symlink_to(PACKAGE / SITE / "sitecustomize.py")
        (made / SITE / "nincost").symlink_to(PACKAGE.parent)
        with contextlib.suppress(OSError):  # another process was faster
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    if not folder.exists():
        raise EmulatorError(f"{folder} could not be made: is the disk full?")


def _generated(torch: Torch, written: set[str]) -> str:
    """C for what torch and others beside it call and the sources do not define."""
    wanted = set().union(*map(elf.undefined, torch.libraries))
    # Others may call any function of the runtime's; with torch's calls emulated, none can be real.
    wanted |= set().union(*map(elf.defined, torch.cuda_runtimes))
    names = sorted(
        name for name in wanted - written if _OURS.match(name) and not _NOT_OURS.match(name)
    )
    lines = [f"const int emulated_cuda_version = {torch.cuda_version};", '#include "runtime.h"']
    for name in names:
        if _ANSWERS.search(name):
            body = f'return unwritten("{name}");'
        elif _COMPUTES.match(name):
            body = "launches++; return SUCCESS;"
        else:
            body = "return SUCCESS;"
        lines.append(f"API int {name}(void) {{ {body} }}")
    return "\n".join(lines) + "\n"
