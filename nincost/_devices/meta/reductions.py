"""Reductions on meta tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nincost._devices.declare import layout
from nincost._devices.output_layouts import all_plain, row_major
from nincost._trace.meta_operators import Layouts


@layout("aten.mean.dim")
def mean(x: Tensor, dims: Any, keepdim: bool = False, **options: Any) -> Layouts | None:
    """The dimensions that are left, or all with those of `dims` at 1."""
    if options or not dims or not all_plain(x):
        return None
    if any(not -x.dim() <= dim < x.dim() for dim in dims):
        return None
    gone = {dim % x.dim() for dim in dims}
    if len(gone) != len(dims):
        return None
    shape = [
        1 if index in gone else size
        for index, size in enumerate(x.shape)
        if keepdim or index not in gone
    ]
    return (row_major(shape, x.dtype),)
