"""How many bytes of a tensor a kernel touches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nincost._trace.records import TensorMeta


def touched(tensor: TensorMeta) -> int:
    """Bytes that are read of a tensor: an expanded dimension (stride 0) is one element."""
    elements = 1
    for size, stride in zip(tensor.shape, tensor.stride, strict=True):
        if stride or not size:
            elements *= size
    return elements * tensor.dtype.itemsize


def tensors(values: Iterable[Any]) -> list[TensorMeta]:
    """The tensors among an operator's arguments, those in lists too."""
    found: list[TensorMeta] = []
    for value in values:
        if isinstance(value, TensorMeta):
            found.append(value)
        elif isinstance(value, tuple | list):
            found.extend(tensors(value))
    return found


def dimension_order(tensor: TensorMeta) -> tuple[int, ...]:
    """The dimensions from the one with the largest step in memory to the smallest."""
    large = [d for d, size in enumerate(tensor.shape) if size > 1]
    return tuple(sorted(large, key=lambda d: -tensor.stride[d]))


def is_dense(tensor: TensorMeta) -> bool:
    """Whether a tensor lies in memory without gaps, in the order of its dimensions."""
    expected = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.stride), strict=True):
        if size > 1 and stride != expected:
            return False
        expected *= size
    return True


def is_transposed(given: TensorMeta, made: TensorMeta) -> bool:
    """Whether the innermost dimension of one is not the innermost of the other."""
    if given.shape != made.shape:
        return False
    first, second = dimension_order(given), dimension_order(made)
    return bool(first) and first[-1] != second[-1]
