"""Libraries that stand in for those which cuDNN needs a card for, so that it plans as on one.

Without a driver cuDNN leaves out all plans whose kernels it compiles itself (depthwise
convolutions) or that it hands to its cuBLAS (convolutions of one pixel, among others). With these
in place its heuristics propose, for each of 1,336 convolutions, the engine that an H100's does
(reports/h100.md). They are compiled from the C sources of this folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from nincost._c_libraries import compile_library

FOLDER = Path(__file__).resolve().parent

#: The sources, and as which library each is loaded; `{}` is CUDA's major version.
SONAMES = {
    "driver": "libcuda.so.1",
    "cublaslt": "libcublasLt.so.{}",
    "nvrtc": "libnvrtc.so.{}",
}


def compile_stand_in(
    name: str, cuda_version: int, target: Path, command: Sequence[str], also: Iterable[str] = ()
) -> None:
    """Compile one of them.

    Args:
        name: its source, a key of `SONAMES`.
        cuda_version: such as 13000.
        target: the file to write; beside it lie others for a moment.
        command: the C compiler's.
        also: functions that other libraries link against: they have nothing to do.

    Raises:
        EmulatorError: the compiler fails.
    """
    major = cuda_version // 1000
    soname = SONAMES[name].format(major)
    source = FOLDER / f"{name}.c"
    rest, versions = target.with_suffix(".c"), target.with_suffix(".versions")
    start = '__attribute__((weak, visibility("default"))) int'  # weak: the source's own come first
    rest.write_text("".join(f"{start} {one}(void) {{ return 0; }}\n" for one in sorted(set(also))))
    versions.write_text(f"{soname} {{ global: *; }};\n")
    flags = [f"-DMAJOR={major}", f"-DVERSION={cuda_version}", f"-Wl,--version-script={versions}"]
    compile_library(command, [source, rest], target, soname, *flags)
    rest.unlink()
    versions.unlink()
