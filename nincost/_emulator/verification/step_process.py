"""The process that runs a described step on the emulated GPU, as `_measure` does on a real one.

`python -m nincost._emulator.verification.step_process [changes]` reads a job from stdin and prints
one line of JSON; with `changes` it has each allocation and free, too.
"""

from __future__ import annotations

import sys
from typing import Any

from nincost._emulator.verification.changes import recorded
from nincost._measure.device_meter import CudaMeter
from nincost._measure.measured_run import answer_job, run
from nincost._torch.allocator import record_memory_history


class _NamingMeter(CudaMeter):
    """Keeps the Python lines of each allocation, too."""

    def record(self) -> None:
        record_memory_history(context="alloc", stacks="python")


def _run(job: dict[str, Any]) -> dict[str, Any]:
    meter = _NamingMeter()
    answer = run(job, meter)
    if sys.argv[1:]:
        changes = recorded(meter.history()["device_traces"][0])
        answer["changes"] = [(one.bytes, one.line, one.frames) for one in changes]
    return answer


if __name__ == "__main__":
    answer_job(_run)
