"""Dropout on CUDA: one kernel with a mask of bytes, where meta tensors get four operators."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import layout, rule, substitute
from nincost._devices.output_layouts import dense_like
from nincost._devices.rules import Action, Call, out
from nincost._devices.target import Target
from nincost._trace.meta_operators import Layouts


@substitute("aten.dropout", on_cpu=True)
def fused_dropout(_target: Target, x: Tensor, p: float, train: bool) -> Any:
    """aten/src/ATen/native/Dropout.cpp is_fused_kernel_acceptable."""
    if not train or not 0 < p < 1 or x.numel() == 0:
        return NotImplemented
    return torch.ops.aten.native_dropout(x, p, True)[0]


@layout("aten.native_dropout.default")
def with_mask(x: Tensor, _p: float, _train: Any) -> Layouts:
    """aten/src/ATen/native/cuda/Dropout.cu: a mask of bytes with the input's strides."""
    return dense_like(x), dense_like(x, torch.bool)


@rule("aten.native_dropout", source="aten/src/ATen/native/cuda/Dropout.cu dropout_cuda")
def dropout(_call: Call) -> list[Action]:
    """The mask of bytes, then the output."""
    return [out(1), out(0)]


@layout("aten.native_dropout_backward.default")
def dropout_backward(grad: Tensor, _mask: Tensor, _scale: float) -> Layouts:
    """aten/src/ATen/native/cuda/Dropout.cu: dense, in the gradient's order of dimensions."""
    return (dense_like(grad),)
