"""The allocator's history of a script, replayed: each block's life, and memory after each event.

torch's history (`torch.cuda.memory._snapshot`) has the size that was asked for and the address that
was handed out. The size of the block, which is what `torch.cuda.memory_allocated` counts, follows
from the free block that was cut: its bounds are known from the events before. So no rule of best
fit, and no pool, has to be modelled here, only whether the rest was cut off
(c10/cuda/CUDACachingAllocator.cpp, `should_split`).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nincost._allocator import AllocatorConfig, round_size
from nincost._allocator.sizes import MIN_BLOCK_SIZE, SMALL_SIZE


@dataclass(slots=True)
class HistoryBlock:
    """A block's life: `born` and `freed` are numbers of events; `freed` is None where it lives on.

    `bytes` is what the allocator counts for it, `requested` what was asked for.
    """

    address: int
    bytes: int
    requested: int
    born: int
    freed: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One device's events and what they come to.

    Attributes:
        events: torch's own entries (`action`, `addr`, `size`, `frames`, ...).
        blocks: in the order of their birth.
        allocated: bytes in use after each event; reserved: bytes held from the driver.
        requested_peak: the largest sum of what was asked for.
        complete: False where the beginning of the history was lost.
    """

    events: Sequence[Mapping[str, Any]]
    blocks: Sequence[HistoryBlock]
    allocated: Sequence[int]
    reserved: Sequence[int]
    requested_peak: int
    complete: bool

    def peak(self, first: int = 0, last: int | None = None) -> int:
        """The number of the first event at which most is allocated; -1 where there is none."""
        part = self.allocated[first:last]
        return first + part.index(max(part)) if part else -1

    def alive(self, event: int) -> list[HistoryBlock]:
        """The blocks in use after an event."""
        return [
            block
            for block in self.blocks
            if block.born <= event and (block.freed is None or block.freed > event)
        ]


def read_settings(settings: Mapping[str, Any]) -> AllocatorConfig:
    """The allocator's settings as a snapshot has them."""
    divisions = settings.get("roundup_power2_divisions") or {}
    split = settings.get("max_split_size", -1)
    ordered = tuple(divisions[key] for key in sorted(divisions, key=int))
    options: dict[str, Any] = {"roundup_power2_divisions": ordered} if len(ordered) == 16 else {}
    return AllocatorConfig(
        expandable_segments=bool(settings.get("expandable_segments")),
        max_split_size=split if 0 < split < 1 << 62 else None,
        **options,
    )


def replay(events: Sequence[Mapping[str, Any]], config: AllocatorConfig) -> History:
    """Follow a device's history from its first event."""
    replaying = _Replay(config)
    replaying.run(events)
    return History(
        events=events,
        blocks=replaying.blocks,
        allocated=replaying.allocated,
        reserved=replaying.reserved,
        requested_peak=replaying.requested_peak,
        complete=replaying.complete,
    )


@dataclass(slots=True)
class _Segments:
    """The free parts of what is held from the driver; each knows the segment that it lies in."""

    free: dict[int, tuple[int, int]] = field(default_factory=dict)  # address -> size, segment
    ends: dict[int, int] = field(default_factory=dict)  # end -> address of a free part
    count: int = 0

    def add(self, address: int, size: int, segment: int) -> None:
        """A part becomes free: it joins its neighbours in the same segment."""
        before = self.ends.get(address)
        if before is not None and self.free[before][1] == segment:
            del self.ends[address]
            size += self.free[before][0]
            address = before
        after = self.free.get(address + size)
        if after is not None and after[1] == segment:
            del self.free[address + size], self.ends[address + size + after[0]]
            size += after[0]
        self.free[address] = (size, segment)
        self.ends[address + size] = address

    def map(self, address: int, size: int, *, expandable: bool) -> None:
        """A new segment; of expandable ones, whose ranges lie far apart, all parts are one."""
        if not expandable:
            self.count += 1
        self.add(address, size, 0 if expandable else self.count)

    def take(self, address: int) -> tuple[int, int] | None:
        """The free part that begins there, which is no longer free."""
        found = self.free.pop(address, None)
        if found is not None:
            del self.ends[address + found[0]]
        return found

    def remove(self, address: int, size: int) -> None:
        """A part that lies inside a free one goes back to the driver."""
        start = address if address in self.free else None
        if start is None:
            places = sorted(self.free)
            place = bisect.bisect_right(places, address) - 1
            start = places[place] if place >= 0 else None
        if start is None:
            return
        length, segment = self.free[start]
        if start + length < address + size:
            return
        self.take(start)
        if address > start:
            self.free[start] = (address - start, segment)
            self.ends[address] = start
        rest = start + length - address - size
        if rest:
            self.free[address + size] = (rest, segment)
            self.ends[start + length] = address + size


class _Replay:
    def __init__(self, config: AllocatorConfig) -> None:
        self.config = config
        self.blocks: list[HistoryBlock] = []
        self.allocated: list[int] = []
        self.reserved: list[int] = []
        self.requested_peak = 0
        self.complete = True
        self._segments = _Segments()
        self._held: dict[int, tuple[HistoryBlock, int]] = {}  # address -> block, segment

    def run(self, events: Iterable[Mapping[str, Any]]) -> None:
        now = held = requested = 0
        for number, event in enumerate(events):
            action, size = event["action"], event["size"]
            if action == "alloc":
                block = self._allocate(number, event["addr"], size)
                now += block.bytes
                requested += size
                self.requested_peak = max(self.requested_peak, requested)
            elif action in ("free_requested", "free_completed"):
                gone = self._free(number, event["addr"], completed=action == "free_completed")
                if gone is not None:
                    now -= gone.bytes
                    requested -= gone.requested
            elif action in ("segment_alloc", "segment_map"):
                held += size
                self._segments.map(event["addr"], size, expandable=action == "segment_map")
            elif action in ("segment_free", "segment_unmap"):
                held -= size
                self._segments.remove(event["addr"], size)
            self.allocated.append(now)
            self.reserved.append(held)

    def _allocate(self, number: int, address: int, requested: int) -> HistoryBlock:
        size = round_size(requested, self.config.roundup_power2_divisions)
        part = self._segments.take(address)
        segment = -1
        if part is None:
            self.complete = False
        else:
            length, segment = part
            if self._is_split(size, length - size):
                self._segments.add(address + size, length - size, segment)
            else:
                size = length
        block = HistoryBlock(address, size, requested, number)
        self.blocks.append(block)
        self._held[address] = (block, segment)
        return block

    def _is_split(self, size: int, rest: int) -> bool:
        config = self.config
        if size <= SMALL_SIZE or config.expandable_segments:
            return rest >= MIN_BLOCK_SIZE
        return rest > SMALL_SIZE and (config.max_split_size is None or size < config.max_split_size)

    def _free(self, number: int, address: int, *, completed: bool) -> HistoryBlock | None:
        """The block whose bytes no longer count: from the request on, though streams may use it."""
        found = self._held.get(address)
        if found is None:
            return None
        block, segment = found
        counted = block.freed is None
        if counted:
            block.freed = number
        if completed:
            del self._held[address]
            if segment >= 0:
                self._segments.add(address, block.bytes, segment)
        return block if counted else None
