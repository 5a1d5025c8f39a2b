"""Losses that make the unreduced tensor first, and pools' backward."""

from __future__ import annotations

from nincost.footprint.recording.memory_format import copy_bytes, is_channels_last
from nincost.footprint.rules import Action, Call, out, rule, take

_NONE = 0  # at::Reduction::None


@rule(
    "cuda",
    "aten.mse_loss",
    "aten.smooth_l1_loss",
    "aten.huber_loss",
    source="aten/src/ATen/native/Loss.cpp TORCH_IMPL_FUNC(mse_loss_out), smooth_l1_loss_out",
)
def pointwise_loss(call: Call) -> list[Action]:
    """With a sum or mean, the loss of each element is made, summed and freed."""
    x = call.args[0]
    reduction = call.arg(2, 1)
    return [out(0), take("each", x.bytes if reduction != _NONE else 0)]


@rule(
    "cuda",
    "aten.binary_cross_entropy",
    source="aten/src/ATen/native/cuda/Loss.cu binary_cross_entropy_cuda",
)
def binary_cross_entropy(call: Call) -> list[Action]:
    x = call.args[0]
    return [take("each", x.bytes if call.arg(3, 1) != _NONE else 0), out(0)]


@rule(
    "cuda",
    "aten.binary_cross_entropy_with_logits",
    source="aten/src/ATen/native/Loss.cpp binary_cross_entropy_with_logits",
)
def with_logits(call: Call) -> list[Action]:
    """log sigmoid(x) and 1 - target live together; the unreduced loss is made in one of them."""
    x = call.args[0]
    return [take("log sigmoid", x.bytes), take("one minus target", x.bytes), out(0)]


@rule(
    "cuda",
    "aten.max_pool2d_with_indices_backward",
    "aten.avg_pool2d_backward",
    source="aten/src/ATen/native/cuda/DilatedMaxPool2d.cu, AveragePool2d.cu",
)
def pool_backward(call: Call) -> list[Action]:
    """Gradient and input are brought into the input's form."""
    grad, x = call.args[:2]
    last = is_channels_last(x)
    return [
        take("gradient copy", copy_bytes(grad, channels_last=last)),
        take("copy", copy_bytes(x, channels_last=last)),
        out(0),
    ]


@rule(
    "cuda",
    "aten._adaptive_avg_pool2d_backward",
    source="aten/src/ATen/native/cuda/AdaptiveAveragePooling.cu",
)
def adaptive_pool_backward(call: Call) -> list[Action]:
    grad, x = call.args[:2]
    last = is_channels_last(x)
    return [take("gradient copy", copy_bytes(grad, channels_last=last)), out(0)]
