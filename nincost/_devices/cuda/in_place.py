"""Formulas that are in place on CUDA, but that torch makes out of place under a dispatch mode.

ATen asks whether a tensor is "subclass-like" (ATen/TensorSubclassLikeUtils.h), and an active mode
counts as yes. So the recording shows a new storage where the device writes into an old one.
"""

from __future__ import annotations

import torch

from nincost._devices.cuda.reductions import scratch
from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import (
    FILLING,
    Action,
    Call,
    drop,
    is_in_place_sum,
    out,
    rule,
    take,
)
from nincost._trace.records import TensorMeta

#: Gradients of functions that pick one element of each row, by a scatter into zeros.
_PICKING = (
    "MaxBackward0", "MinBackward0", "SortBackward0", "SortBackward1", "TopkBackward0",
    "KthvalueBackward0", "MedianBackward1", "ModeBackward0", "CummaxBackward0", "GatherBackward0",
)  # fmt: skip


@rule(
    "cuda",
    "aten.add",
    source="torch/csrc/autograd/input_buffer.cpp; aten/src/ATen/native/Linear.cpp; "
    "aten/src/ATen/native/transformers/attention.cpp",
)
def add(call: Call) -> list[Action]:
    """The engine's sum of two gradients, linear's bias, and attention's mask."""
    masked = call.node == "scaled_dot_product_attention" and isinstance(call.arg(1), TensorMeta)
    return [out(0, over=0 if masked or is_in_place_sum(call) else None)]


@rule(
    "cuda",
    "aten.scatter",
    "aten.scatter_add",
    source="torch/csrc/autograd/FunctionsManual.cpp value_selecting_reduction_backward",
)
def scatter(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node in _PICKING else None)]


@rule(
    "cuda",
    "aten.masked_fill",
    source="torch/csrc/autograd/generated/Functions.cpp MaximumBackward0 (derivatives.yaml)",
)
def masked_fill(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node in FILLING else None)]


@rule(
    "cuda",
    "aten.sub",
    "aten.mul",
    source="torch/csrc/autograd/FunctionsManual.cpp binary_cross_entropy_with_logits_backward",
)
def product(call: Call) -> list[Action]:
    """Of binary cross-entropy's gradient, sigmoid(x) - target and its product with the gradient."""
    return [out(0, over=0 if call.node == "BinaryCrossEntropyWithLogitsBackward0" else None)]


@rule(
    "cuda",
    "aten.native_dropout",
    source="aten/src/ATen/native/cuda/Dropout.cu dropout_cuda",
)
def dropout(_call: Call) -> list[Action]:
    """The mask of bytes, then the output."""
    return [out(1), out(0)]


@rule(
    "cuda",
    "aten._safe_softmax",
    source="aten/src/ATen/native/transformers/attention.cpp _safe_softmax",
)
def safe_softmax(call: Call) -> list[Action]:
    """The softmax, then which elements and rows of the input are -inf, and the zero for these."""
    x, y = call.args[0], call.outputs[0]
    rows = y.elements // max(y.shape[call.arg(1)], 1)
    return [
        out(0), take("copy", dense_copy(x)), drop("copy"),
        take("is -inf", y.elements), take("rows", rows), take("zero", y.dtype.itemsize),
        drop("zero"), drop("rows"), drop("is -inf"),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten._softmax",
    "aten._log_softmax",
    source="aten/src/ATen/native/cuda/SoftMax.cu host_softmax",
)
def softmax(call: Call) -> list[Action]:
    """The input is made row-major after the output is there."""
    return [out(0), take("copy", dense_copy(call.args[0]))]


@rule(
    "cuda",
    "aten.logsumexp",
    source="aten/src/ATen/native/ReduceOps.cpp logsumexp_out_impl",
)
def logsumexp(call: Call) -> list[Action]:
    """The largest of each row, which of them are infinite, and the row without its largest."""
    x, dims = call.args[:2]
    y = call.outputs[0]
    rows = y.elements
    return [
        take("largest", y.bytes), *scratch(call.target, x, tuple(dims), "extreme"),
        take("absolute", y.bytes), take("infinite", rows), drop("infinite"), drop("absolute"),
        take("less largest", x.bytes), out(0), *scratch(call.target, x, tuple(dims), "sum"),
        drop("less largest"), drop("largest"),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten.log_sigmoid_forward",
    source="aten/src/ATen/native/cuda/ActivationLogSigmoidKernel.cu log_sigmoid_forward_cuda",
)
def log_sigmoid(_call: Call) -> list[Action]:
    """The buffer that the CPU keeps for backward is empty."""
    return [out(0), out(1, bytes=0)]


@rule(
    "cuda",
    "aten.index_add",
    source="aten/src/ATen/native/TensorAdvancedIndexing.cpp index_select_backward_symint",
)
def index_add(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node == "IndexSelectBackward0" else None)]


@rule(
    "cuda",
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
        out(0), take("product", product.bytes), take("product copy", dense_copy(product)),
        take("copy", dense_copy(output)),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten._log_softmax_backward_data",
    source="aten/src/ATen/native/cuda/SoftMax.cu host_softmax_backward",
)
def log_softmax_backward(call: Call) -> list[Action]:
    """The gradient is made row-major first."""
    return [out(0), take("gradient copy", dense_copy(call.args[0]))]


@rule(
    "cuda",
    "aten.pow",
    source="aten/src/ATen/native/Pow.cpp pow_Scalar_out",
)
def power(call: Call) -> list[Action]:
    """A number to the power of a tensor: the number is a tensor on the device for a while."""
    base = call.args[0]
    if isinstance(base, TensorMeta) or base == 1:
        return [out(0)]
    return [out(0), take("base", 16 if isinstance(base, complex) else 8)]


@rule(
    "cuda",
    "aten.isinf",
    source="aten/src/ATen/native/TensorCompare.cpp isinf",
)
def is_infinite(call: Call) -> list[Action]:
    """The absolute values are compared with infinity."""
    return [take("absolute", call.args[0].bytes), out(0)]
