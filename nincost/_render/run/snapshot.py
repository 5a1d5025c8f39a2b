"""A run's snapshot, torch's own, for pytorch.org/memory_viz."""

from __future__ import annotations

from nincost._emulator.results import Run


def render(result: Run) -> bytes:
    """The pickle that `torch.cuda.memory._dump_snapshot` writes."""
    if result.snapshot is None:
        raise ValueError("the result has no snapshot: expected one that nincost.run gave")
    return result.snapshot
