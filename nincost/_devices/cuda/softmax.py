"""Softmax and log of sums on CUDA, and the kernel that turns half precision into float."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.cuda.reductions import scratch
from nincost._devices.declare import rule, substitute
from nincost._devices.deterministic import filling
from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta


@substitute("aten.softmax.int", on_cpu=True)
def half_to_float_softmax(_target: Target, x: Tensor, dim: int, dtype: Any = None) -> Any:
    """aten/src/ATen/native/SoftMax.cpp: from float16 (only) to float in one kernel."""
    if x.dtype is not torch.float16 or dtype is not torch.float32:
        return NotImplemented
    return torch.ops.aten._softmax(x, dim, True)


@substitute("aten.log_softmax.int", on_cpu=True)
def half_to_float_log_softmax(_target: Target, x: Tensor, dim: int, dtype: Any = None) -> Any:
    """aten/src/ATen/native/SoftMax.cpp: from float16 (only) to float in one kernel."""
    if x.dtype is not torch.float16 or dtype is not torch.float32:
        return NotImplemented
    return torch.ops.aten._log_softmax(x, dim, True)


@rule(
    "aten._softmax",
    "aten._log_softmax",
    source="aten/src/ATen/native/cuda/SoftMax.cu host_softmax",
)
def softmax(call: Call) -> list[Action]:
    """The input is made row-major after the output is there."""
    return [out(0), alloc("copy", dense_copy(call.args[0]))]


@rule(
    "aten._safe_softmax",
    source="aten/src/ATen/native/transformers/attention.cpp _safe_softmax",
)
def safe_softmax(call: Call) -> list[Action]:
    """The softmax, then which elements and rows of the input are -inf, and the zero for these."""
    x, y = call.args[0], call.outputs[0]
    rows = y.elements // max(y.shape[call.arg(1)], 1)
    return [
        out(0), alloc("copy", dense_copy(x)), free("copy"),
        alloc("is -inf", y.elements), alloc("rows", rows), alloc("zero", y.dtype.itemsize),
        free("zero"), free("rows"), free("is -inf"),
    ]  # fmt: skip


@rule(
    "aten._softmax_backward_data",
    source="aten/src/ATen/native/cuda/SoftMax.cu softmax_backward_cuda_out",
)
def softmax_backward(call: Call) -> list[Action]:
    """Gradient times output is made first, in the type that they share."""
    grad, output = call.args[:2]
    first, second = (
        torch.empty_strided(t.shape, t.stride, dtype=t.dtype, device="meta") for t in (grad, output)
    )
    made = first * second
    product = TensorMeta(made.shape, made.stride(), made.dtype)
    return [
        out(0), alloc("product", product.bytes), alloc("product copy", dense_copy(product)),
        alloc("copy", dense_copy(output)),
    ]  # fmt: skip


@rule(
    "aten._log_softmax_backward_data",
    source="aten/src/ATen/native/cuda/SoftMax.cu host_softmax_backward",
)
def log_softmax_backward(call: Call) -> list[Action]:
    """The gradient is made row-major first."""
    return [out(0), alloc("gradient copy", dense_copy(call.args[0]))]


@rule(
    "aten.logsumexp",
    source="aten/src/ATen/native/ReduceOps.cpp logsumexp_out_impl",
)
def logsumexp(call: Call) -> list[Action]:
    """The largest of each row, which of them are infinite, and the row without its largest."""
    x, dims = call.args[:2]
    y = call.outputs[0]
    rows = y.elements
    return [
        alloc("largest", y.bytes), *scratch(call.target, x, tuple(dims), "extreme"),
        alloc("absolute", y.bytes), *filling(call.target, y.dtype),
        alloc("infinite", rows), free("infinite"), free("absolute"),
        alloc("less largest", x.bytes), out(0), *scratch(call.target, x, tuple(dims), "sum"),
        free("less largest"), free("largest"),
    ]  # fmt: skip
