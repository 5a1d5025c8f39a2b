"""Pools and padding: the copies that their kernels work on."""

from __future__ import annotations

from typing import Any

from nincost._devices.declare import rule, substitute
from nincost._devices.memory_format import copy_bytes, dense_copy, suggests_channels_last
from nincost._devices.rules import Action, Call, alloc, out
from nincost._devices.target import Target
from nincost._torch.operators import decomposition


@substitute("aten.pad")
def deterministic_pad(
    target: Target, x: Any, pad: Any, mode: str = "constant", _value: float | None = None
) -> Any:
    """`torch.nn.functional.pad` replicates by indices where it must be deterministic."""
    if mode != "replicate" or not target.settings.deterministic:
        return NotImplemented
    return decomposition("_replication_pad")(x, pad)


@rule(
    "aten.avg_pool2d",
    "aten.max_pool2d_with_indices",
    "aten.max_pool3d_with_indices",
    source="aten/src/ATen/native/cuda/AveragePool2d.cu, DilatedMaxPool2d.cu, DilatedMaxPool3d.cu",
)
def pool(call: Call) -> list[Action]:
    """Outputs, then the input in the form that it suggests."""
    x = call.args[0]
    outputs = [out(index) for index in range(len(call.outputs))]
    return [*outputs, alloc("copy", copy_bytes(x, channels_last=suggests_channels_last(x)))]


@rule(
    "aten.adaptive_max_pool2d",
    "aten.adaptive_max_pool3d",
    "aten.avg_pool3d",
    "aten.reflection_pad2d",
    "aten.reflection_pad3d",
    source="aten/src/ATen/native/cuda/AdaptiveMaxPooling2d.cu, AdaptiveMaxPooling3d.cu, "
    "AveragePool3d.cu, ReflectionPad.cu",
)
def row_major(call: Call) -> list[Action]:
    """Outputs, then the input made row-major."""
    outputs = [out(index) for index in range(len(call.outputs))]
    return [*outputs, alloc("copy", dense_copy(call.args[0]))]


@rule(
    "aten._adaptive_avg_pool2d",
    "aten._adaptive_avg_pool3d",
    source="aten/src/ATen/native/cuda/AdaptiveAveragePooling.cu, AdaptiveAveragePooling3d.cu",
)
def adaptive_average(call: Call) -> list[Action]:
    """The input in the form that it suggests, then the output."""
    x = call.args[0]
    return [alloc("copy", copy_bytes(x, channels_last=suggests_channels_last(x))), out(0)]


@rule(
    "aten.max_pool2d_with_indices_backward",
    "aten.avg_pool2d_backward",
    source="aten/src/ATen/native/cuda/DilatedMaxPool2d.cu, AveragePool2d.cu",
)
def pool_backward(call: Call) -> list[Action]:
    """Gradient and input are brought into the input's form."""
    grad, x = call.args[:2]
    last = suggests_channels_last(x)
    return [
        out(0),
        alloc("gradient copy", copy_bytes(grad, channels_last=last)),
        alloc("copy", copy_bytes(x, channels_last=last)),
    ]


@rule(
    "aten._adaptive_avg_pool2d_backward",
    source="aten/src/ATen/native/cuda/AdaptiveAveragePooling.cu",
)
def adaptive_pool_backward(call: Call) -> list[Action]:
    grad, x = call.args[:2]
    last = suggests_channels_last(x)
    return [out(0), alloc("gradient copy", copy_bytes(grad, channels_last=last))]


@rule(
    "aten.adaptive_max_pool2d_backward",
    "aten.adaptive_max_pool3d_backward",
    source="aten/src/ATen/native/cuda/AdaptiveMaxPooling2d.cu, AdaptiveMaxPooling3d.cu",
)
def adaptive_largest_backward(call: Call) -> list[Action]:
    """The output, then its gradient made row-major."""
    return [out(0), alloc("gradient copy", dense_copy(call.args[0]))]
