"""How an operator that works element by element lays out its result: TensorIterator's rule.

torch's own meta kernels in Python (`torch._prims_common`) follow it, but for dimensions of size 1,
and these say whether an image counts as channels-last (`suggest_memory_format`): a batch of one, or
what was pooled to 1x1. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nincost._devices.strides import channels_last_order, dense_strides, follows


class Operand(NamedTuple):
    """A tensor that a result is computed from. Strides are in elements; a number has no shape."""

    shape: Sequence[int]
    stride: Sequence[int]


NUMBER = Operand((), ())


def iterator_strides(shape: Sequence[int], operands: Sequence[Operand]) -> tuple[int, ...]:
    """Strides of a new result of `shape`, computed from `operands` in the operator's order.

    aten/src/ATen/TensorIterator.cpp: `compute_fast_setup_type`, where all operands have the
    result's shape, else `reorder_dimensions` and `allocate_or_resize_outputs`.
    """
    if all(tuple(one.shape) == tuple(shape) for one in operands):
        rows, pixels = [*reversed(range(len(shape)))], channels_last_order(len(shape))
        if all(follows(one.shape, one.stride, rows) for one in operands):
            return dense_strides(shape)
        if len(shape) == 4 and all(follows(one.shape, one.stride, pixels) for one in operands):
            return dense_strides(shape, channels_last=True)
        first = operands[0]
        if _is_dense(first) and all(tuple(one.stride) == tuple(first.stride) for one in operands):
            return tuple(first.stride)
    return _in_order(shape, [_broadcast(one, shape) for one in operands if one.shape])


def preserved_strides(one: Operand) -> tuple[int, ...]:
    """Strides of what `empty_like` makes: a tensor's own, or without its gaps in the same order.

    aten/src/ATen/native/TensorFactories.cpp `empty_like`, ExpandUtils.cpp `infer_dense_strides`.
    """
    return tuple(one.stride) if _is_dense(one) else _in_order(one.shape, [one.stride])


def _is_dense(one: Operand) -> bool:
    """Whether the tensor has no gaps and no repeats, in whichever order."""
    moving = [d for d, size in enumerate(one.shape) if size != 1]
    return follows(one.shape, one.stride, sorted(moving, key=lambda d: one.stride[d]))


def _broadcast(one: Operand, shape: Sequence[int]) -> list[int]:
    """Strides in the result's dimensions, 0 where the operand repeats itself."""
    missing = len(shape) - len(one.shape)
    return [0] * missing + [
        0 if size == 1 and shape[missing + place] != 1 else stride
        for place, (size, stride) in enumerate(zip(one.shape, one.stride, strict=True))
    ]


def _in_order(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[int, ...]:
    order = _order(shape, strides)
    if order == [*reversed(range(len(shape)))]:
        return dense_strides(shape)
    made, step = [0] * len(shape), 1
    for dimension in order:
        made[dimension] = step
        step *= shape[dimension]
    return tuple(made)


def _order(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> list[int]:
    """Dimensions by rising strides, of the first operand that has a say; an insertion sort."""

    def swaps(inner: int, outer: int) -> bool | None:
        for one in strides:
            if not one[inner] or not one[outer]:
                continue
            if one[inner] != one[outer]:
                return one[inner] > one[outer]
            if shape[inner] > shape[outer]:
                return True
        return None

    order = [*reversed(range(len(shape)))]
    for start in range(1, len(order)):
        place = start
        for before in range(start - 1, -1, -1):
            swap = swaps(order[before], order[place])
            if swap:
                order[before], order[place] = order[place], order[before]
                place = before
            elif swap is False:
                break
    return order
