"""Strides of dense tensors. Imports no torch, so that cuDNN can be queried before it loads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def dense_strides(shape: Sequence[int], *, channels_last: bool = False) -> tuple[int, ...]:
    """Strides in elements: row-major, or with the channels (dimension 1) moving fastest.

    A dimension of size 0 or 1 gets the stride that it would have in a dense tensor, as PyTorch's
    `fixSizeOneDimStride` makes it.
    """
    order = [*range(2, len(shape)), 1] if channels_last else [*range(1, len(shape))]
    strides, step = [0] * len(shape), 1
    for dimension in reversed([0, *order] if shape else []):
        strides[dimension] = step
        step *= max(shape[dimension], 1)
    return tuple(strides)


def follows(shape: Sequence[int], stride: Sequence[int], order: Iterable[int]) -> bool:
    """Whether dimensions follow each other without a gap, the first of `order` moving fastest.

    A dimension of size 1 may have any stride.
    """
    step = 1
    for dimension in order:
        if shape[dimension] != 1 and stride[dimension] != step:
            return False
        step *= max(shape[dimension], 1)
    return True


def channels_last_order(dimensions: int) -> tuple[int, ...]:
    """The dimensions of a channels-last image, that which moves fastest first."""
    return (1, *range(dimensions - 1, 1, -1), 0)
