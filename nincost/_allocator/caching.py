"""A model of PyTorch's native CUDA caching allocator, to the byte.

Given the same mallocs and frees in the same order it holds the same segments, cut into the same
blocks, as `c10::cuda::CUDACachingAllocator` (PyTorch 2.13 and 2.14), so `allocated_bytes` is
`torch.cuda.memory_allocated()` and `reserved_bytes` is `torch.cuda.memory_reserved()`. Function
names in the comments are those of `DeviceCachingAllocator` in c10/cuda/CUDACachingAllocator.cpp;
sizes are from c10/core/AllocatorConfig.h.

Not modelled: `record_stream` (a block used on a second stream is cached later, when that stream's
event has passed), CUDA graphs' private pools and user pools, other processes on the card, and the
driver's own placement: segment addresses here only go up, which matters for ties in best fit.
"""

from __future__ import annotations

from collections.abc import Iterable

from nincost._allocator.blocks import Block, Device, FreeList, Segment, segments_from
from nincost._allocator.config import AllocatorConfig
from nincost._allocator.errors import ConfigError, OutOfMemoryError
from nincost._allocator.expandable import ExpandableSegments, best_expandable
from nincost._allocator.release import collect_garbage, release_oversize
from nincost._allocator.sizes import MIN_BLOCK_SIZE, SMALL_SIZE, round_size, segment_size

#: `NativeCachingAllocator::allocate` refuses this much without asking the driver.
_ONE_EXBIBYTE = 1 << 60
#: max_split_size when there is none: larger than any block.
_NO_LIMIT = 1 << 64


class CachingAllocator:
    """Hands out blocks as PyTorch would on one CUDA device.

    `capacity` (bytes) is what the driver can give to this process, so without the CUDA context and
    other programs; None for no limit. `device_memory` (bytes) is the card's total, of which
    `per_process_memory_fraction` is a share; it is `capacity` unless given.

    >>> allocator = CachingAllocator()
    >>> block = allocator.malloc(1_000_000)
    >>> allocator.allocated_bytes, allocator.reserved_bytes
    (1000448, 2097152)
    """

    __slots__ = (
        "_allocated",
        "_allowed",
        "_collects",
        "_device",
        "_divisions",
        "_expandable",
        "_heads",
        "_large",
        "_max_split",
        "_nothing",
        "_peak_allocated",
        "_peak_requested",
        "_requested",
        "_searches",
        "_small",
        "config",
    )

    def __init__(
        self,
        config: AllocatorConfig | None = None,
        capacity: int | None = None,
        *,
        device_memory: int | None = None,
    ) -> None:
        self.config = config = AllocatorConfig() if config is None else config
        memory = capacity if device_memory is None else device_memory
        self._allowed: int | None = None
        # A fraction of 1 is no limit at all, and leaves garbage collection off (setMemoryFraction).
        if config.per_process_memory_fraction < 1.0:
            if memory is None:
                raise ConfigError(
                    "per_process_memory_fraction is set, but not the card's memory: expected"
                    " capacity or device_memory in bytes; give one, or leave the fraction out"
                )
            self._allowed = int(config.per_process_memory_fraction * memory)
        self._collects = self._allowed is not None and config.garbage_collection_threshold > 0.0
        self._max_split = _NO_LIMIT if config.max_split_size is None else config.max_split_size
        self._divisions = (
            config.roundup_power2_divisions if any(config.roundup_power2_divisions) else None
        )
        self._device = Device(capacity, memory)
        self._small: dict[int, FreeList] = {}
        self._large: dict[int, FreeList] = {}
        # Each segment's first block, by its address. See Block.split: it never changes.
        self._heads: dict[int, Block] = {}
        self._expandable = (
            ExpandableSegments(self._device, self._heads, config.large_segment_size)
            if config.expandable_segments
            else None
        )
        self._nothing = Block(FreeList(True, 0), 0, 0)
        # Searches of the large pool, the clock that block ages are read from.
        self._searches = 0
        self._allocated = self._peak_allocated = 0
        self._requested = self._peak_requested = 0

    def malloc(self, size: int, stream: int = 0) -> Block:
        """A block for `size` bytes on `stream`, as `torch.empty` would get (`malloc`).

        Zero bytes give a block of size 0 that is in no segment, for PyTorch's null pointer.
        Raises OutOfMemoryError when the device is full, ValueError for a negative size.
        """
        if size <= 0:
            if size < 0:
                raise ValueError(f"size is {size}: expected 0 or more bytes; check the event")
            return self._nothing
        if self._divisions is None:
            rounded = (size + 511) & -512
        else:
            rounded = round_size(size, self._divisions)
        is_small = rounded <= SMALL_SIZE
        shelf = (self._small if is_small else self._large).get(stream)
        if shelf is None:
            shelf = self._new_shelf(is_small, stream)
        if self._collects and not is_small:
            self._searches += 1

        block = self._cached_block(shelf, rounded)
        if block is None:
            block = self._new_block(shelf, rounded, size)

        left = block.size - rounded
        # should_split: the large pool keeps up to 1 MiB of waste in the block, and what is kept
        # counts as allocated.
        if left and (
            left >= MIN_BLOCK_SIZE
            if is_small or self._expandable is not None
            else left > SMALL_SIZE and rounded < self._max_split
        ):
            shelf.put(block.split(rounded), self._searches)

        block.requested = size
        allocated = self._allocated = self._allocated + block.size
        self._peak_allocated = max(self._peak_allocated, allocated)
        requested = self._requested = self._requested + size
        self._peak_requested = max(self._peak_requested, requested)
        return block

    def free(self, block: Block) -> None:
        """Cache the block, merged with cached neighbours (`free`, `free_block`).

        Nothing goes back to the device. Raises ValueError for a block that is free already.
        """
        if block is self._nothing:
            return
        if block.cached or not block.requested:
            raise ValueError(f"{block!r} is not in use: expected a block from malloc, freed once")
        shelf = block.shelf
        self._allocated -= block.size
        self._requested -= block.requested
        block.requested = 0
        behind = block.next
        if behind is not None and behind.cached:
            shelf.take(behind)
            block.swallow_next()
        before = block.prev
        if before is not None and before.cached:
            shelf.take(before)
            before.swallow_next()
            block = before
        shelf.put(block, self._searches)

    def empty_cache(self) -> None:
        """Give back each segment that is wholly free (`emptyCache`, `release_cached_blocks`)."""
        for shelves in (self._large, self._small):
            for shelf in shelves.values():
                if self._expandable is not None:
                    self._expandable.release(shelf, self._searches)
                    continue
                for block in shelf:
                    if block.prev is None and block.next is None:
                        self._release(block)

    def reset_peak(self) -> None:
        """Start the peaks again from now (`torch.cuda.reset_peak_memory_stats`)."""
        self._peak_allocated = self._allocated
        self._peak_requested = self._requested
        self._device.peak_reserved = self._device.reserved

    def segments(self) -> tuple[Segment, ...]:
        """What is held from the device now, by address (`snapshot`)."""
        heads = sorted(self._heads.items())
        return tuple(segment for _, head in heads for segment in segments_from(head))

    def layout(self, blocks: Iterable[Block]) -> int:
        """A hash of where the cached blocks lie, and those in use, in the order that is given.

        Where it is the same twice, equal calls get equal blocks from there on (but for the age of
        cached blocks, which garbage collection asks for).
        """
        cached = [tuple(one.keys) for pool in (self._small, self._large) for one in pool.values()]
        return hash((*cached, tuple([block.address for block in blocks])))

    @property
    def allocated_bytes(self) -> int:
        """Bytes of the blocks in use: `torch.cuda.memory_allocated`."""
        return self._allocated

    @property
    def requested_bytes(self) -> int:
        """Bytes asked for by those who hold blocks: `requested_bytes.all.current`."""
        return self._requested

    @property
    def reserved_bytes(self) -> int:
        """Bytes held from the device: `torch.cuda.memory_reserved`."""
        return self._device.reserved

    @property
    def inactive_split_bytes(self) -> int:
        """Free bytes that cannot be released, in partly used segments from cudaMalloc."""
        return sum(
            block.size
            for shelves in (self._large, self._small)
            for shelf in shelves.values()
            for block in shelf
            if (block.prev is not None or block.next is not None) and block.base < 0
        )

    @property
    def peak_allocated_bytes(self) -> int:
        return self._peak_allocated

    @property
    def peak_requested_bytes(self) -> int:
        return self._peak_requested

    @property
    def peak_reserved_bytes(self) -> int:
        return self._device.peak_reserved

    def _new_shelf(self, is_small: bool, stream: int) -> FreeList:
        shelf = FreeList(is_small, stream)
        (self._small if is_small else self._large)[stream] = shelf
        return shelf

    def _cached_block(self, shelf: FreeList, size: int) -> Block | None:
        """The best fit, taken off the shelf: smallest, then lowest address (`get_free_block`)."""
        keys = shelf.keys
        if not keys:
            return None
        if self._expandable is None:
            place = shelf.first_at_least(size)
        else:
            place = best_expandable(shelf, size)
        if place == len(keys):
            return None
        key = keys[place]
        block = shelf.blocks[key]
        limit = self._max_split
        # Only the best fit is looked at: a refusal here does not go on to the next block.
        if size < limit:
            if block.size >= limit:
                return None
        elif block.size >= size + self.config.max_non_split_rounding_size:
            return None
        del keys[place]
        del shelf.blocks[key]
        block.cached = False
        return block

    def _new_block(self, shelf: FreeList, size: int, requested: int) -> Block:
        """A block from new device memory, after giving back what must go (`malloc`)."""
        wanted = segment_size(size, self.config.large_segment_size)
        if requested < _ONE_EXBIBYTE:
            if self._collects:
                self._collect_garbage()
            block = self._from_device(shelf, size, wanted)
            if block is None and self._release_oversize(shelf, size):
                block = self._from_device(shelf, size, wanted)
            if block is None:
                self.empty_cache()
                block = self._from_device(shelf, size, wanted)
            if block is not None:
                return block
        else:
            self._device.refused = wanted
        limits = [n for n in (self._allowed, self._device.capacity) if n is not None]
        raise OutOfMemoryError(
            requested,
            self._allocated,
            self._device.reserved,
            min(limits, default=_ONE_EXBIBYTE),
            self._device.refused,
        )

    def _from_device(self, shelf: FreeList, size: int, wanted: int) -> Block | None:
        """A new segment of `wanted` bytes, or new pages, or None if refused (`alloc_block`)."""
        device = self._device
        # With expandable segments too, the fraction is checked against a whole segment's size.
        if self._allowed is not None and device.reserved + wanted > self._allowed:
            device.refused = wanted
            return None
        if self._expandable is not None:
            return self._expandable.allocate(shelf, size, self._searches)
        if not device.take(wanted):
            return None
        address = device.address_for(wanted)
        block = self._heads[address] = Block(shelf, address, wanted)
        return block

    def _release(self, block: Block) -> None:
        """cudaFree a wholly free segment (`release_block`)."""
        block.shelf.take(block)
        self._device.give_back(block.size)
        del self._heads[block.address]

    def _release_oversize(self, shelf: FreeList, size: int) -> bool:
        """Whether blocks of max_split_size and more could be released, enough for `size`."""
        if self._max_split == _NO_LIMIT or self._expandable is not None:
            return False
        return release_oversize(shelf, size, self._max_split, self._release)

    def _collect_garbage(self) -> None:
        """Give back old segments once more is held than the threshold allows."""
        assert self._allowed is not None
        threshold = int(self.config.garbage_collection_threshold * self._allowed)
        surplus = self._device.reserved - threshold
        if surplus > 0:
            collect_garbage(self._large.values(), surplus, self._searches, self._release)
