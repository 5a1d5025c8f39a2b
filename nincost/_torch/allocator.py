"""The history that CUDA's caching allocator keeps of itself."""

from __future__ import annotations

from typing import Any

from nincost._torch.names import find


def record_memory_history(**options: Any) -> None:
    """`torch.cuda.memory._record_memory_history` of all events, with room for four million."""
    record = find("cuda.memory._record_memory_history", "measure what is allocated")
    record("all", max_entries=1 << 22, **options)


def forget_memory_history() -> None:
    """Record no more of it: `torch.cuda.memory._record_memory_history`."""
    find("cuda.memory._record_memory_history", "measure what is allocated")(None)


def memory_snapshot() -> dict[str, Any]:
    """`torch.cuda.memory._snapshot()`: the allocator's segments and its history."""
    found: dict[str, Any] = find("cuda.memory._snapshot", "measure what is allocated")()
    return found
