"""Operators that only move data, on meta tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nincost._devices.declare import layout
from nincost._devices.output_layouts import all_plain, row_major
from nincost._trace.meta_operators import Layouts


@layout("aten.cat.default")
def cat(tensors: Any, dim: int = 0) -> Layouts | None:
    first = tensors[0]
    if not -first.dim() <= dim < first.dim() or not all_plain(*tensors):
        return None
    dim %= first.dim()
    rest = (*first.shape[:dim], *first.shape[dim + 1 :])
    for tensor in tensors:
        if tensor.dim() != first.dim() or (*tensor.shape[:dim], *tensor.shape[dim + 1 :]) != rest:
            return None
    joined = sum(tensor.shape[dim] for tensor in tensors)
    return (row_major((*first.shape[:dim], joined, *first.shape[dim + 1 :]), first.dtype),)


@layout("aten.select_backward.default")
def select_backward(grad: Tensor, sizes: Any, dim: int, _index: int) -> Layouts | None:
    """Zeros of the input's sizes, with the gradient in one slice."""
    fits = -len(sizes) <= dim < len(sizes) and all_plain(grad)
    return (row_major(sizes, grad.dtype),) if fits else None
