"""How large a block is for a request, and a segment for a block (c10/core/AllocatorConfig.h)."""

from __future__ import annotations

from nincost._allocator.blocks import MIB

MIN_BLOCK_SIZE = 512
#: Requests up to this size (after rounding) are the small pool's.
SMALL_SIZE = 1 * MIB
SMALL_SEGMENT = 2 * MIB
#: Requests of this size and more get a segment of their own.
MIN_LARGE_ALLOC = 10 * MIB
ROUND_LARGE = 2 * MIB


def round_size(size: int, divisions: tuple[int, ...]) -> int:
    """A block's size in bytes for a request (`round_size`, `roundup_power2_next_division`).

    A multiple of 512, or, with `roundup_power2_divisions`, the next of that many equal steps
    between two powers of two. `divisions` is `AllocatorConfig.roundup_power2_divisions`.
    """
    if size < MIN_BLOCK_SIZE:
        return MIN_BLOCK_SIZE
    # Entry 0 is for 1 MiB up to 2 MiB, and also for what is smaller.
    parts = divisions[min(max(size.bit_length() - 21, 0), len(divisions) - 1)]
    if parts > 1 and size > MIN_BLOCK_SIZE * parts:
        step = (1 << (size.bit_length() - 1)) // parts
        return -(-size // step) * step
    return -(-size // MIN_BLOCK_SIZE) * MIN_BLOCK_SIZE


def segment_size(size: int, large_segment_size: int) -> int:
    """Bytes asked of cudaMalloc for a block of `size` bytes (`get_allocation_size`)."""
    if size <= SMALL_SIZE:
        return SMALL_SEGMENT
    if size < MIN_LARGE_ALLOC:
        return large_segment_size
    return -(-size // ROUND_LARGE) * ROUND_LARGE
