"""A prediction as a snapshot of the allocator, for pytorch.org/memory_viz."""

from __future__ import annotations

import pickle

from nincost._memory.results import Memory
from nincost._memory.snapshot import snapshot


def render(result: Memory) -> bytes:
    """A pickle as `torch.cuda.memory._dump_snapshot` writes."""
    return pickle.dumps(snapshot(result))
