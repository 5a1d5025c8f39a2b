"""Batch, layer and RMS norm on meta tensors, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import correction, layout
from nincost._devices.output_layouts import all_plain, make_row_major, row_major, row_major_like
from nincost._trace.meta_operators import Layouts


@layout("aten.native_batch_norm.default")
def batch_norm(
    x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, *_: Any
) -> Layouts | None:
    """The output, and mean and deviation of each channel; also where it trains nothing."""
    if x.dim() < 2 or x.dtype is not torch.float32:
        return None
    channels = x.shape[1]
    per_channel = [t for t in (weight, bias, mean, variance) if t is not None]
    if not all_plain(x, *per_channel) or any(t.shape != (channels,) for t in per_channel):
        return None
    saved = row_major((channels,), torch.float32)
    return row_major(x.shape, torch.float32), saved, saved


@layout("aten.native_batch_norm_backward.default")
def batch_norm_backward(
    grad: Tensor, x: Tensor, weight: Any, _mean: Any, _var: Any, _save_mean: Any,
    _save_invstd: Any, _train: bool, _eps: float, wanted: list[bool],
) -> Layouts | None:  # fmt: skip
    """Gradients of input, weight and bias."""
    fits = weight is not None and all(wanted) and x.dim() == 4 and grad.shape == x.shape
    if not fits or not all_plain(grad, x, weight):
        return None
    channels = row_major(x.shape[1:2], x.dtype)
    return row_major(x.shape, x.dtype), channels, channels


@layout("aten.native_layer_norm.default")
def layer_norm(x: Tensor, normalized: Any, weight: Any, bias: Any, _eps: float) -> Layouts | None:
    """The output, and mean and deviation of each row."""
    kept = x.dim() - len(normalized)
    if (
        x.dtype is not torch.float32
        or not normalized
        or tuple(x.shape[kept:]) != tuple(normalized)
        or any(t is not None and tuple(t.shape) != tuple(normalized) for t in (weight, bias))
        or not all_plain(x, weight, bias)
    ):
        return None
    saved = row_major((*x.shape[:kept], *[1] * len(normalized)), torch.float32)
    return row_major(x.shape, torch.float32), saved, saved


@layout("aten.native_layer_norm_backward.default")
def layer_norm_backward(
    grad: Tensor, x: Tensor, normalized: Any, _mean: Any, _rstd: Any, weight: Any, bias: Any,
    wanted: list[bool],
) -> Layouts | None:  # fmt: skip
    """Gradients of input, weight and bias."""
    present = weight is not None and bias is not None and all(wanted) and grad.shape == x.shape
    if not present or not all_plain(grad, x, weight, bias):
        return None
    affine = row_major(normalized, x.dtype)
    return (*row_major_like(x), affine, affine)


@correction("aten.native_layer_norm.default", "aten.native_layer_norm_backward.default")
def row_major_norm(result: Any, *_: Any) -> Any:
    """native/layer_norm.cpp, native/cuda/layer_norm_kernel.cu."""
    return make_row_major(result)
