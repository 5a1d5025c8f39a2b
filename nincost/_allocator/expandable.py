"""Expandable segments: one growing range of addresses a pool and stream, mapped page by page.

Sources: `find_expandable_block`, `map_block`, `try_allocate_expandable_block`, `unmap_block`,
`release_blocks`, `release_expandable_segment` and `ExpandableSegment` in PyTorch's
c10/cuda/CUDACachingAllocator.cpp.
"""

from __future__ import annotations

from nincost._allocator.blocks import MIB, Block, Device, FreeList

#: Pages of the small pool; the large pool's are `AllocatorConfig.large_segment_size`.
SMALL_PAGE = 2 * MIB

#: Stands for the card's memory where none is given: more than any card has.
_UNKNOWN_MEMORY = 1 << 40


class ExpandableSegments:
    """Maps and unmaps pages for the shelves of one allocator.

    `heads` is the allocator's table of segments by first address.
    """

    __slots__ = ("device", "heads", "large_page", "reservations")

    def __init__(self, device: Device, heads: dict[int, Block], large_page: int) -> None:
        self.device = device
        self.heads = heads
        self.large_page = large_page
        #: Size of the address space behind each segment, by its first address.
        self.reservations: dict[int, int] = {}

    def page(self, shelf: FreeList) -> int:
        return SMALL_PAGE if shelf.is_small else self.large_page

    def allocate(self, shelf: FreeList, size: int, now: int) -> Block | None:
        """A block of `size` bytes or more, taken off the shelf, or None if the device is full.

        Pages that were mapped before the device filled up stay mapped, as cached blocks.
        """
        block: Block | None = self._find(shelf, size)
        assert block is not None
        if not block.mapped:
            block = self._map(block, min(block.size, size), now)
            if block is None:
                return None
        while block.size < size:
            # What follows is unmapped, or it would be one with the block already.
            behind = block.next
            assert behind is not None
            assert not behind.mapped
            block = self._map(behind, min(behind.size, size - block.size), now)
            if block is None:
                return None
        shelf.take(block)
        return block

    def _find(self, shelf: FreeList, size: int) -> Block:
        """The lowest free stretch of addresses, mapped or not, that `size` bytes fit in."""
        for address in shelf.unmapped:
            block = shelf.unmapped_at[address]
            if block.prev is not None and block.prev.cached:
                block = block.prev
            room = 0
            part: Block | None = block
            while room < size and part is not None and (part.cached or not part.mapped):
                room += part.size
                part = part.next
            if room >= size:
                return block
        return self._reserve(shelf)

    def _reserve(self, shelf: FreeList) -> Block:
        """New address space, an eighth larger than the card (`ExpandableSegment`'s constructor)."""
        page = self.page(shelf)
        memory = self.device.memory or _UNKNOWN_MEMORY
        space = -(-(memory + memory // 8) // page) * page
        address = self.device.address_for(space)
        block = Block(shelf, address, space, base=address)
        block.mapped = False
        shelf.put_unmapped(block)
        self.reservations[address] = space
        self.heads[address] = block
        return block

    def _map(self, block: Block, size: int, now: int) -> Block | None:
        """Map whole pages for the first `size` bytes of an unmapped block, and shelve the result.

        Returns the cached block that they are part of, after merging, or None if there is no room.
        """
        shelf = block.shelf
        page = self.page(shelf)
        mapped = -(-size // page) * page
        if not self.device.take(mapped):
            return None
        shelf.take_unmapped(block)
        if mapped < block.size:
            rest = block.split(mapped)
            rest.mapped = False
            shelf.put_unmapped(rest)
        block.mapped = True
        before, behind = block.prev, block.next
        if behind is not None and behind.cached:
            shelf.take(behind)
            block.swallow_next()
        if before is not None and before.cached:
            shelf.take(before)
            before.swallow_next()
            block = before
        shelf.put(block, now)
        return block

    def release(self, shelf: FreeList, now: int) -> None:
        """Unmap every whole page inside cached blocks; drop segments with nothing left in them."""
        for block in shelf:
            self._unmap(block, now)

    def _unmap(self, block: Block, now: int) -> None:
        shelf = block.shelf
        page = self.page(shelf)
        # Pages count from the segment's base, which need not be a multiple of a 20 MiB page.
        start = block.address - block.base
        begin = -(-start // page) * page
        end = (start + block.size) // page * page
        if begin >= end:
            return
        shelf.take(block)
        if end < start + block.size:
            shelf.put(block.split(end - start), now)
        if begin > start:
            inner = block.split(begin - start)
            shelf.put(block, now)
            block = inner
        block.mapped = False
        block.requested = 0
        self.device.give_back(end - begin)

        before, behind = block.prev, block.next
        if behind is not None and not behind.mapped:
            shelf.take_unmapped(behind)
            block.swallow_next()
        if before is not None and not before.mapped:
            shelf.take_unmapped(before)
            before.swallow_next()
            block = before
        if block.size == self.reservations[block.base]:
            del self.reservations[block.base]
            del self.heads[block.base]
        else:
            shelf.put_unmapped(block)


def expandable_size(block: Block) -> int:
    """What a cached block could grow to: with the unmapped space behind it (`get_free_block`)."""
    behind = block.next
    return block.size + (behind.size if behind is not None and not behind.mapped else 0)


def best_expandable(shelf: FreeList, size: int) -> int:
    """The place on the shelf of the best fit, len(keys) if none (`get_free_block`).

    A block at the growing end counts as large as it could grow, so that a larger block elsewhere
    is preferred to it, and the end stays free to grow.
    """
    place = shelf.first_at_least(size)
    while place + 1 < len(shelf.keys) and (
        expandable_size(shelf.at(place + 1)) < expandable_size(shelf.at(place))
    ):
        place += 1
    return place
