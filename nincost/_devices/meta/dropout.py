"""Dropout on meta tensors, forward and backward."""

from __future__ import annotations

import torch
from torch import Tensor

from nincost._devices.declare import layout
from nincost._devices.output_layouts import all_plain, row_major, row_major_like
from nincost._trace.meta_operators import Layouts


@layout("aten.native_dropout.default")
def dropout(x: Tensor, _p: float, train: bool | None) -> Layouts | None:
    """The output, and which elements were kept."""
    if not train or not all_plain(x):
        return None
    return row_major(x.shape, x.dtype), row_major(x.shape, torch.bool)


@layout("aten.native_dropout_backward.default")
def dropout_backward(grad: Tensor, mask: Tensor, _scale: float) -> Layouts | None:
    return row_major_like(grad) if grad.shape == mask.shape and all_plain(grad) else None
