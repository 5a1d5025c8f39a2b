"""What is queried of a GPU: how much is allocated, the peaks, the history, the versions."""

from __future__ import annotations

import re
from typing import Any, Protocol

import torch

from nincost._measure.nvml import driver_version, used_bytes
from nincost._torch.allocator import forget_memory_history, memory_snapshot, record_memory_history


class DeviceMeter(Protocol):
    """What a measurement queries of a device."""

    device: torch.device

    def allocated(self) -> int: ...

    def peaks(self) -> tuple[int, int, int]:
        """Most allocated, reserved and requested since the last call, which starts them again."""
        ...

    def record(self) -> None:
        """Begin to keep the allocator's history."""
        ...

    def forget(self) -> None:
        """Keep it no more."""
        ...

    def history(self) -> dict[str, Any]:
        """The history so far, as `torch.cuda.memory._snapshot` gives it."""
        ...

    def process_bytes(self) -> int | None: ...

    def describe(self) -> tuple[str, dict[str, str]]:
        """The device's name and the versions of all that has a say."""
        ...


class CudaMeter:
    """A real GPU."""

    def __init__(self) -> None:
        self.device = torch.device("cuda", 0)
        self._before = used_bytes()
        torch.cuda.init()  # type: ignore[no-untyped-call]

    def allocated(self) -> int:
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()

    def peaks(self) -> tuple[int, int, int]:
        torch.cuda.synchronize()
        stats = torch.cuda.memory_stats()
        found = (
            torch.cuda.max_memory_allocated(),
            torch.cuda.max_memory_reserved(),
            int(stats.get("requested_bytes.all.peak", 0)),
        )
        torch.cuda.reset_peak_memory_stats()
        return found

    def record(self) -> None:
        record_memory_history(context=None)

    def forget(self) -> None:
        forget_memory_history()

    def history(self) -> dict[str, Any]:
        torch.cuda.synchronize()
        return memory_snapshot()

    def process_bytes(self) -> int | None:
        now = used_bytes()
        return None if now is None or self._before is None else now - self._before

    def describe(self) -> tuple[str, dict[str, str]]:
        backends = torch.backends.cudnn
        return torch.cuda.get_device_name(0), {
            "torch": str(torch.__version__),
            "cuda": str(torch.version.cuda),
            "cudnn": str(backends.version()),  # type: ignore[no-untyped-call]
            "driver": driver_version() or "unknown",
            "cudnn.benchmark": str(backends.benchmark),
            "cudnn.allow_tf32": str(backends.allow_tf32),
        }


def shortfall(message: str) -> int | None:
    """How much was lacking, by torch's out-of-memory message; None where it does not say.

    `Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB of which 512.00 MiB is
    free.` (c10/cuda/CUDACachingAllocator.cpp)
    """
    number = r"([0-9.]+) (bytes|KiB|MiB|GiB)"
    tried = re.search(rf"Tried to allocate {number}", message)
    free = re.search(rf"of which {number} is free", message)
    if not tried or not free:
        return None
    sizes = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    wanted, have = (round(float(m[1]) * sizes[m[2]]) for m in (tried, free))
    return wanted - have
