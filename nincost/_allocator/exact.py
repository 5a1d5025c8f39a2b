"""An allocator that gives out exactly what is asked for, as PyTorch's on the CPU does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class ExactBlock(NamedTuple):
    """A block of as many bytes as were asked for."""

    size: int


class ExactAllocator:
    """Counts bytes; nothing is rounded, and nothing is kept after a free."""

    __slots__ = ("_allocated", "_peak")

    def __init__(self) -> None:
        self._allocated = self._peak = 0

    def malloc(self, size: int) -> ExactBlock:
        """A block of `size` bytes."""
        self._allocated += size
        self._peak = max(self._peak, self._allocated)
        return ExactBlock(size)

    def free(self, block: ExactBlock) -> None:
        """Give the block back."""
        self._allocated -= block.size

    def empty_cache(self) -> None:
        """Nothing is cached."""

    def layout(self, _blocks: Iterable[ExactBlock]) -> int:
        """What distinguishes two states: as nothing is kept, the bytes in use."""
        return self._allocated

    @property
    def allocated_bytes(self) -> int:
        return self._allocated

    reserved_bytes = allocated_bytes

    @property
    def peak_requested_bytes(self) -> int:
        return self._peak

    peak_reserved_bytes = peak_requested_bytes
