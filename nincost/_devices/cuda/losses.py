"""Losses that make the unreduced tensor first."""

from __future__ import annotations

import torch

from nincost._devices.cuda.reductions import scratch
from nincost._devices.declare import rule
from nincost._devices.output_layouts import broadcast
from nincost._devices.rules import Action, Call, alloc, out
from nincost._trace.records import TensorMeta

#: at::Reduction::None and ::Mean.
_NONE, _MEAN = 0, 1


@rule(
    "aten.mse_loss",
    "aten.smooth_l1_loss",
    source="aten/src/ATen/native/Loss.cpp TORCH_META_FUNC(mse_loss), "
    "TORCH_IMPL_FUNC(mse_loss_out), smooth_l1_loss_out",
)
def pointwise_loss(call: Call) -> list[Action]:
    """With a sum or mean, the loss of each element is made, summed and freed.

    The output is made with room for each element, too: it is shaped to one number only later,
    which keeps its memory.
    """
    each = _each(call)
    reduction = call.arg(2, 1)
    if reduction == _NONE:
        return [out(0)]
    return [out(0, bytes=each.bytes), alloc("each", each.bytes), *_total(call, each, reduction)]


@rule(
    "aten.huber_loss",
    source="aten/src/ATen/native/Loss.cpp huber_loss",
)
def huber_loss(call: Call) -> list[Action]:
    each = _each(call)
    reduction = call.arg(2, 1)
    if reduction == _NONE:
        return [out(0)]
    return [alloc("each", each.bytes), out(0), *_total(call, each, reduction)]


def _each(call: Call) -> TensorMeta:
    """The loss of each element: in the shape that input and target share, row-major."""
    x, target = call.args[:2]
    shape = broadcast(x.shape, target.shape)
    made = torch.empty(shape, dtype=torch.promote_types(x.dtype, target.dtype), device="meta")
    return TensorMeta(made.shape, made.stride(), made.dtype)


def _total(call: Call, each: TensorMeta, reduction: int) -> list[Action]:
    """The scratch of the sum or mean of all elements."""
    return scratch(call.target, each, (), "mean" if reduction == _MEAN else "sum")


@rule(
    "aten.binary_cross_entropy",
    source="aten/src/ATen/native/cuda/Loss.cu binary_cross_entropy_cuda",
)
def binary_cross_entropy(call: Call) -> list[Action]:
    """The output is made for each element, and shaped to one number when that is known."""
    x = call.args[0]
    reduction = call.arg(3, 1)
    if reduction == _NONE:
        return [out(0)]
    each = TensorMeta(x.shape, x.stride, x.dtype)
    return [
        out(0, bytes=x.bytes), alloc("reduced", x.dtype.itemsize), *_total(call, each, reduction),
    ]  # fmt: skip


@rule(
    "aten.binary_cross_entropy_with_logits",
    source="aten/src/ATen/native/Loss.cpp binary_cross_entropy_with_logits",
)
def with_logits(call: Call) -> list[Action]:
    """log sigmoid(x) and 1 - target live together; the unreduced loss is made in one of them."""
    x = call.args[0]
    return [alloc("log sigmoid", x.bytes), alloc("one minus target", x.bytes), out(0)]
