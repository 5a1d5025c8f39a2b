"""What the caching allocator is made of: blocks, the cached ones of a pool, and the device.

Sources: `Block`, `BlockPool`, `BlockComparatorSize` and `BlockComparatorAddress` in PyTorch's
c10/cuda/CUDACachingAllocator.cpp. All sizes and addresses are bytes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MIB = 1 << 20

#: A cached block's key is size and address in one integer, which orders as the pair would, and
#: compares and hashes faster.
ADDRESS_BITS = 64

#: Where the model puts its first segment. Only order matters, the figure resembles CUDA's.
_FIRST_ADDRESS = 0x7F00_0000_0000
#: cudaMalloc and cuMemAddressReserve place ranges of this size and more on such borders.
_ADDRESS_STEP = 2 * MIB


class Block:
    """A piece of a segment: in use, cached (free), or an unmapped part of an expandable segment.

    What `CachingAllocator.malloc` hands out. Once given to `free` it is the allocator's, as a freed
    pointer is, and its fields mean nothing to the caller.
    """

    __slots__ = (
        "address",
        "base",
        "cached",
        "cached_at",
        "mapped",
        "next",
        "prev",
        "requested",
        "shelf",
        "size",
    )

    def __init__(self, shelf: FreeList, address: int, size: int, base: int = -1) -> None:
        self.shelf = shelf
        self.address = address
        self.size = size
        #: Bytes that the caller asked for; 0 while nobody uses the block.
        self.requested = 0
        #: Free, and on the shelf. A mapped block that is not cached is in use.
        self.cached = False
        #: False for address space without memory behind it (expandable segments only).
        self.mapped = True
        #: The allocator's count of searches when the block was last put on the shelf (its age).
        self.cached_at = 0
        #: First address of the expandable segment; -1 in a segment from cudaMalloc.
        self.base = base
        self.prev: Block | None = None
        self.next: Block | None = None

    @property
    def stream(self) -> int:
        return self.shelf.stream

    def __repr__(self) -> str:
        state = "cached" if self.cached else "in use" if self.mapped else "unmapped"
        return f"<Block {self.address:#x} size={self.size} {state} stream={self.stream}>"

    def split(self, size: int) -> Block:
        """Cut down to `size` bytes; the rest becomes a new block behind it, which is returned.

        The lower part stays the same object, so a segment's first block never changes identity.
        """
        rest = Block(self.shelf, self.address + size, self.size - size, self.base)
        rest.prev = self
        after = self.next
        rest.next = after
        if after is not None:
            after.prev = rest
        self.next = rest
        self.size = size
        return rest

    def swallow_next(self) -> None:
        """Take over the block behind, which the caller has taken off its shelf."""
        gone = self.next
        assert gone is not None
        self.size += gone.size
        after = gone.next
        self.next = after
        if after is not None:
            after.prev = self


class FreeList:
    """The cached blocks of one pool (small or large) on one stream, smallest first.

    PyTorch keeps one set a pool, ordered by stream, then size, then address, and never hands a
    block to another stream: one list a stream gives the same choice.
    """

    __slots__ = ("blocks", "is_small", "keys", "stream", "unmapped", "unmapped_at")

    def __init__(self, is_small: bool, stream: int) -> None:
        self.is_small = is_small
        self.stream = stream
        self.keys: list[int] = []
        self.blocks: dict[int, Block] = {}
        #: Addresses of unmapped blocks in order, and the blocks (expandable segments only).
        self.unmapped: list[int] = []
        self.unmapped_at: dict[int, Block] = {}

    def put(self, block: Block, now: int) -> None:
        key = block.size << ADDRESS_BITS | block.address
        insort(self.keys, key)
        self.blocks[key] = block
        block.cached = True
        block.cached_at = now
        block.requested = 0

    def take(self, block: Block) -> None:
        key = block.size << ADDRESS_BITS | block.address
        del self.blocks[key]
        keys = self.keys
        del keys[bisect_left(keys, key)]
        block.cached = False

    def first_at_least(self, size: int) -> int:
        """The place of the smallest cached block of `size` bytes or more; len(keys) if none."""
        return bisect_left(self.keys, size << ADDRESS_BITS)

    def at(self, place: int) -> Block:
        return self.blocks[self.keys[place]]

    def put_unmapped(self, block: Block) -> None:
        insort(self.unmapped, block.address)
        self.unmapped_at[block.address] = block

    def take_unmapped(self, block: Block) -> None:
        del self.unmapped_at[block.address]
        del self.unmapped[bisect_left(self.unmapped, block.address)]

    def __iter__(self) -> Iterator[Block]:
        """The cached blocks, smallest first; a copy, so that the shelf may change meanwhile."""
        return iter([self.blocks[key] for key in self.keys])


class Device:
    """The driver's side: what it has given to this allocator, and where.

    A model, not CUDA: addresses only ever go up, and the driver gives until `capacity` is reached,
    with no fragmentation and no rounding of its own.
    """

    __slots__ = ("capacity", "memory", "next_address", "peak_reserved", "refused", "reserved")

    def __init__(self, capacity: int | None, memory: int | None) -> None:
        self.capacity = capacity
        #: The whole card, for the address space of expandable segments.
        self.memory = memory
        self.reserved = 0
        self.peak_reserved = 0
        #: Bytes of the last request that failed.
        self.refused = 0
        self.next_address = _FIRST_ADDRESS

    def take(self, size: int) -> bool:
        reserved = self.reserved + size
        if self.capacity is not None and reserved > self.capacity:
            self.refused = size
            return False
        self.reserved = reserved
        self.peak_reserved = max(self.peak_reserved, reserved)
        return True

    def give_back(self, size: int) -> None:
        self.reserved -= size

    def address_for(self, size: int) -> int:
        address = self.next_address
        self.next_address += -(-size // _ADDRESS_STEP) * _ADDRESS_STEP
        return address


@dataclass(frozen=True, slots=True)
class BlockSnapshot:
    """A block as `torch.cuda.memory_snapshot` shows it."""

    address: int
    size: int
    #: Bytes asked for; 0 for an inactive block (PyTorch leaves the last user's figure there).
    requested: int
    state: Literal["active_allocated", "inactive"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One cudaMalloc, or one unbroken mapped range of an expandable segment."""

    address: int
    size: int
    stream: int
    pool: Literal["small", "large"]
    blocks: tuple[BlockSnapshot, ...]


def segments_from(head: Block) -> Iterator[Segment]:
    """The segments that begin at or behind `head`: one, or one for each mapped range."""
    run: list[BlockSnapshot] = []
    block: Block | None = head
    while block is not None:
        if block.mapped:
            state: Literal["active_allocated", "inactive"] = (
                "inactive" if block.cached else "active_allocated"
            )
            run.append(BlockSnapshot(block.address, block.size, block.requested, state))
        block = block.next
        if run and (block is None or not block.mapped):
            yield Segment(
                run[0].address,
                sum(part.size for part in run),
                head.shelf.stream,
                "small" if head.shelf.is_small else "large",
                tuple(run),
            )
            run = []
