"""A library with a CUDA runtime of its own is named."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.emulated import answer, needs_emulator

from nincost._emulator.observe.own_runtime import libraries_with_own_runtime, sentence

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="it needs Linux and gcc"
)

#: What each library is: a runtime linked in looks for the driver by its name.
LIBRARIES = {
    "libflash.so": 'const char *driver = "libcuda.so.1"; int one(void) { return 1; }',
    "libplain.so": "int one(void) { return 1; }",
    "libvllm.so": """
        const char *driver = "libcuda.so.1"; /* as linked against it */
        int cudaGetDevice(int *) __attribute__((weak));
        int cuGetProcAddress_v2(const char *, void **, int, long, int *) __attribute__((weak));
        int device(int *found) { return cudaGetDevice(found); }
        int asks(void) {
            void *function = &function;
            int found = 0, code = cuGetProcAddress_v2("cuInit", &function, 13000, 0, &found);
            return function ? -1 : 1000 * found + code;
        }
    """,
}


@pytest.fixture
def libraries(tmp_path: Path) -> list[Path]:
    for name, text in LIBRARIES.items():
        source = (tmp_path / name).with_suffix(".c")
        source.write_text(text)
        subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", tmp_path / name], check=True)
    return [tmp_path / name for name in LIBRARIES]


def test_a_library_that_looks_for_the_driver_itself(libraries: list[Path]) -> None:
    for path in libraries:
        ctypes.CDLL(str(path))
    found = [path for path in libraries_with_own_runtime() if Path(path) in libraries]
    assert found == [str(libraries[0])]
    assert sentence(found).startswith("the script has loaded libflash.so, with a CUDA")
    assert sentence([]) == ""


@needs_emulator
def test_a_library_that_is_linked_against_the_driver(libraries: list[Path]) -> None:
    """vLLM's name a function that a runtime linked in would look for: it is there, and finds
    nothing (CUDA_ERROR_NOT_FOUND, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND)."""
    script = f"""
import ctypes, torch
torch.cuda.init()
linked = ctypes.CDLL({str(libraries[2])!r})
number = ctypes.c_int(7)
print([linked.device(ctypes.byref(number)), number.value, linked.asks()])
"""
    assert answer(script) == [0, 0, 1500]
