"""Runs a job's steps; emulated_steps.py starts this process, with the emulated runtime preloaded.

Where an argument names a file, the allocator's history goes there as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from nincost._measure import measured_run
from nincost._measure.device_meter import CudaMeter
from no_gpu.events import recorded


class NamingMeter(CudaMeter):
    """Keeps the Python lines that took each block, too."""

    def record(self) -> None:
        torch.cuda.memory._record_memory_history(
            "all", context="alloc", stacks="python", max_entries=1 << 22
        )


def keep_history(path: Path) -> None:
    """Have the run write its history when it has ended."""
    take_apart = measured_run.StepMeter._take_apart

    def keep(measured: Any) -> None:
        path.write_text(json.dumps(recorded(measured.meter.history()["device_traces"][0])))
        take_apart(measured)

    measured_run.StepMeter._take_apart = keep  # type: ignore[method-assign]
    measured_run.CudaMeter = NamingMeter  # type: ignore[misc]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        keep_history(Path(sys.argv[1]))
    measured_run.main()
