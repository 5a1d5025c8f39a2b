"""The process that runs a described step on the emulated GPU, as `_measure` does on a real one.

`python -m nincost._emulator.verification.step_process [changes]` reads a job from stdin and prints
one line of JSON; with `changes` it has each allocation and free, too.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from nincost._emulator.verification.changes import recorded
from nincost._measure.device_meter import CudaMeter
from nincost._measure.measured_run import run
from nincost._torch.allocator import record_memory_history


class _NamingMeter(CudaMeter):
    """Keeps the Python lines of each allocation, too."""

    def record(self) -> None:
        record_memory_history(context="alloc", stacks="python")


def main() -> None:
    """Run the job; whatever the model prints goes to stderr."""
    job = json.load(sys.stdin)
    answer: dict[str, Any]
    with contextlib.redirect_stdout(sys.stderr):
        try:
            meter = _NamingMeter()
            answer = run(job, meter)
            if sys.argv[1:]:
                changes = recorded(meter.history()["device_traces"][0])
                answer["changes"] = [(one.bytes, one.line, one.frames) for one in changes]
        except Exception as error:
            text = str(error).strip().splitlines()
            answer = {"error": f"{type(error).__name__}: {text[0] if text else ''}"}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
