"""Softmax on meta tensors, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import layout
from nincost._devices.output_layouts import all_plain, row_major_like
from nincost._trace.meta_operators import Layouts


@layout("aten._softmax.default", "aten._log_softmax.default")
def softmax(x: Tensor, dim: int, half_to_float: bool) -> Layouts | None:
    fits = -x.dim() <= dim < x.dim()
    return row_major_like(x) if fits and not half_to_float and all_plain(x) else None


@layout("aten._safe_softmax.default")
def safe_softmax(x: Tensor, dim: int, dtype: Any = None) -> Layouts | None:
    return softmax(x, dim, False) if dtype is None else None


@layout("aten._log_softmax_backward_data.default", "aten._softmax_backward_data.default")
def softmax_backward(grad: Tensor, output: Tensor, dim: int, dtype: torch.dtype) -> Layouts | None:
    """Row-major, whatever the gradient is: aten/src/ATen/native/SoftMax.cpp."""
    fits = grad.shape == output.shape and -output.dim() <= dim < output.dim()
    fits = fits and dtype is output.dtype is grad.dtype and dtype.is_floating_point
    return row_major_like(output) if fits and output.numel() else None
