"""What the driver says of a card through NVML, which nvidia-smi prints.

The library comes with the driver. Calling it takes microseconds, where nvidia-smi takes up to a
second, and it says bytes rather than MiB.
"""

from __future__ import annotations

import ctypes
import functools
import sys

_TEXT_BYTES = 96


class _Memory(ctypes.Structure):
    """`nvmlMemory_t`, in bytes."""

    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


@functools.cache
def _library() -> ctypes.CDLL | None:
    """NVML, ready to be asked; None where there is no driver."""
    name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
    try:
        library = ctypes.CDLL(name)
        return None if library.nvmlInit_v2() else library
    except (OSError, AttributeError):
        return None


def used_bytes(card: int = 0) -> int | None:
    """The memory that is in use on a card, by whatever process; None where nobody says."""
    library = _library()
    device, memory = ctypes.c_void_p(), _Memory()
    if (
        library is None
        or library.nvmlDeviceGetHandleByIndex_v2(card, ctypes.byref(device))
        or library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
    ):
        return None
    return int(memory.used)


def driver_version() -> str | None:
    """Such as `580.159.04`; None where there is no driver."""
    library = _library()
    text = ctypes.create_string_buffer(_TEXT_BYTES)
    if library is None or library.nvmlSystemGetDriverVersion(text, _TEXT_BYTES):
        return None
    return text.value.decode()
