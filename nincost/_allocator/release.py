"""Which cached segments go back to the driver before new memory is asked for.

Function names in the comments are those of `DeviceCachingAllocator` in
c10/cuda/CUDACachingAllocator.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nincost._allocator.blocks import Block, FreeList

#: Gives a wholly free segment back, and takes it off its shelf.
Release = Callable[[Block], None]


def release_oversize(shelf: FreeList, size: int, limit: int, release: Release) -> bool:
    """Give back just enough blocks of `limit` bytes (max_split_size) and more, if there are.

    `release_available_cached_blocks`: one large enough, or else the largest ones until they add up.
    What was released stays so when they do not add up to enough.
    """
    enough = max(size, limit)
    place = shelf.first_at_least(enough)
    if place < len(shelf.keys):
        release(shelf.at(place))
        return True
    released = 0
    while released < enough and shelf.keys:
        block = shelf.at(-1)
        if block.size < limit:
            break
        released += block.size
        release(block)
    return released >= enough


def collect_garbage(shelves: Iterable[FreeList], surplus: int, now: int, release: Release) -> None:
    """Give back old segments of the large pool (`garbage_collect_cached_blocks`).

    All wholly free ones at least as old as the average, and again, until `surplus` bytes have gone
    or none is left. Age counts in searches, and `now` is how many there have been.
    """
    free = [
        block
        for shelf in shelves
        for block in shelf
        if block.prev is None and block.next is None and block.base < 0
    ]
    reclaimed = 0
    while free and reclaimed < surplus:
        average = sum(now - block.cached_at for block in free) / len(free)
        old = [block for block in free if now - block.cached_at >= average]
        for block in old:
            reclaimed += block.size
            release(block)
        free = [block for block in free if now - block.cached_at < average]
