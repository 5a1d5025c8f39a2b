"""A library with a CUDA runtime of its own is named."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nincost._emulator.observe.own_runtime import libraries_with_own_runtime, sentence

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="it needs Linux and gcc"
)


def test_a_library_that_looks_for_the_driver_itself(tmp_path: Path) -> None:
    source = tmp_path / "own.c"
    source.write_text('const char *driver = "libcuda.so.1"; int one(void) { return 1; }')
    for name, flags in (("libflash.so", ["-DOWN"]), ("libplain.so", [])):
        text = source.read_text() if flags else "int one(void) { return 1; }"
        source.write_text(text)
        target = tmp_path / name
        subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", target], check=True)
        ctypes.CDLL(str(target))
    found = [path for path in libraries_with_own_runtime() if path.startswith(str(tmp_path))]
    assert found == [str(tmp_path / "libflash.so")]
    assert sentence(found).startswith("the script has loaded libflash.so, with a CUDA")
    assert sentence([]) == ""
