"""Questions about the memory layout of a `TensorMeta`, asked by several families.

There are two on channels-last, which differ on purpose where sizes of 1 leave both readings open.
`is_in_form` asks whether a copy is needed: a row-major N x C x 1 x 1 is in both forms, and
`contiguous` copies it into neither. `is_channels_last` asks which form an operator that follows its
input will give: strides have to say so, and that tensor counts as row-major. A third,
`looks_channels_last` in libraries/conv_problem.py, is the second for tensors of 3 dimensions, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch

from nincost._trace.channels_last import suggests_channels_last
from nincost._trace.records import TensorMeta


def is_row_major(tensor: TensorMeta) -> bool:
    """Whether the last dimension is dense and each other follows without a gap."""
    step = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.stride), strict=True):
        if size != 1 and stride != step:
            return False
        step *= max(size, 1)
    return True


def is_channels_last(tensor: TensorMeta) -> bool:
    """Whether c10's suggest_memory_format calls it so."""
    return suggests_channels_last(tensor.shape, tensor.stride)


def is_in_form(tensor: TensorMeta, *, channels_last: bool) -> bool:
    """Whether `contiguous(form)` gives the tensor itself rather than a copy."""
    if not channels_last:
        return is_row_major(tensor)
    shape = tensor.shape
    step = 1
    for d in (1, *range(len(shape) - 1, 1, -1), 0):
        if shape[d] != 1 and tensor.stride[d] != step:
            return False
        step *= shape[d]
    return True


def dense_copy(tensor: TensorMeta) -> int:
    """Bytes of the copy that `contiguous()` makes: 0 where it makes none."""
    return 0 if is_row_major(tensor) else tensor.bytes


def flat_copy(tensor: TensorMeta, first: int = 0) -> int:
    """Bytes of the copy that making one dimension of those from `first` on takes: 0 for a view."""
    kept = [
        (size, step)
        for size, step in zip(tensor.shape[first:], tensor.stride[first:], strict=True)
        if size > 1
    ]
    merge = all(outer[1] == inner[0] * inner[1] for outer, inner in itertools.pairwise(kept))
    return 0 if merge else tensor.bytes


def broadcast(*shapes: Sequence[int]) -> torch.Size:
    """The shape that all of them share."""
    return torch.broadcast_shapes(*shapes)  # type: ignore[no-any-return,no-untyped-call]


def copy_bytes(tensor: TensorMeta, *, channels_last: bool) -> int:
    """Bytes of the copy that `contiguous(form)` makes: 0 where it makes none."""
    return 0 if is_in_form(tensor, channels_last=channels_last) else tensor.bytes


def wide(dtype_size: int) -> int:
    """Bytes of the type that sums are taken in: float for half, bfloat16 and float."""
    return max(4, dtype_size)
