"""Strides of dense tensors. Imports no torch, so that cuDNN can be queried before it loads."""

from __future__ import annotations

from collections.abc import Sequence


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
