"""What a recorded history says beyond totals: categories at the peak, and the allocator's model.

The history has no names: a block's category follows from its address, where a tensor that is alive
when the step ends has it, and from the time at which it was allocated. It has no block sizes
either, only those requested: the allocator's model gives them, and is compared with the real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nincost._allocator import AllocatorConfig, Block, CachingAllocator
from nincost._trace.recording import CATEGORIES


@dataclass(frozen=True, slots=True)
class Parts:
    """The bytes of each category when most was allocated, and what the model reserved in all."""

    categories: dict[str, int | None]
    reserved: int


@dataclass(slots=True)
class _Allocated:
    """A block, and the number of the entry that allocated it."""

    block: Block
    size: int
    number: int


def parts_at_peak(
    history: Mapping[str, Any],
    categories: Mapping[int, str],
    *,
    before: Mapping[int, str],
    step_began: int,
    forward_ended: int | None,
    config: AllocatorConfig | None = None,
) -> Parts:
    """Replay a history from the process's beginning, and look at the peak of its last step.

    Args:
        history: as `torch.cuda.memory._snapshot` gives it when the step has ended.
        categories: of tensors that are alive then, by the address of their memory.
        before: of tensors that were alive when the step began, such as the last one's gradients.
        step_began: how many entries there were before the step.
        forward_ended: how many there were when its forward and loss had ended; None where nothing
            came after them.

    Returns:
        Bytes by category. A block that was allocated in forward is an activation, all others
        without a name are temporaries; a library's workspace is among them, so `workspace` is None.
    """
    entries = history["device_traces"][0]
    allocator = CachingAllocator(config)
    alive: dict[int, _Allocated] = {}
    at_peak: dict[int, _Allocated] = {}
    now = peak = 0
    for number, entry in enumerate(entries):
        if entry["action"] == "alloc":
            block = allocator.malloc(entry["size"])
            alive[entry["addr"]] = _Allocated(block, block.size, number)
            now += block.size
            if now > peak and number >= step_began:
                peak, at_peak = now, dict(alive)
        elif entry["action"] == "free_completed" and entry["addr"] in alive:
            gone = alive.pop(entry["addr"])
            now -= gone.size
            allocator.free(gone.block)
    end = len(entries) if forward_ended is None else forward_ended
    parts: dict[str, int | None] = dict.fromkeys(CATEGORIES, 0)
    for address, held in at_peak.items():
        # An address counts only where the block of the peak is the one that lives on.
        name = categories.get(address, "") if alive.get(address) is held else ""
        if not name and held.number < step_began:
            name = before.get(address, "")
        if not name:
            name = "activations" if step_began <= held.number < end else "temporaries"
        parts[name] = (parts.get(name) or 0) + held.size
    parts["workspace"] = None
    return Parts(parts, allocator.peak_reserved_bytes)
