"""Upsampling on CUDA: the copies that its kernels work on."""

from __future__ import annotations

from typing import Any

from nincost._devices.declare import rule, substitute
from nincost._devices.memory_format import copy_bytes, suggests_channels_last
from nincost._devices.rules import Action, Call, alloc, out
from nincost._devices.target import Target
from nincost._torch.operators import decomposition


@substitute("aten.upsample_bilinear2d.vec", "aten.upsample_trilinear3d.vec")
def deterministic_upsample(target: Target, *args: Any) -> Any:
    """`torch.nn.functional.interpolate` has a formula of its own where it must be deterministic."""
    if not target.settings.deterministic:
        return NotImplemented
    return decomposition("_upsample_linear_vec")(*args)


@rule(
    "aten.upsample_nearest1d",
    "aten.upsample_nearest2d",
    "aten.upsample_nearest3d",
    "aten._upsample_nearest_exact1d",
    "aten._upsample_nearest_exact2d",
    "aten._upsample_nearest_exact3d",
    "aten._upsample_bilinear2d_aa",
    "aten._upsample_bicubic2d_aa",
    source="aten/src/ATen/native/cuda/UpSampleNearest1d.cu, UpSampleNearest2d.cu, "
    "UpSampleNearest3d.cu, UpSampleBilinear2d.cu",
)
def upsample(call: Call) -> list[Action]:
    """The input is brought into the form that it suggests where it has gaps.

    Bilinear and bicubic kernels read it as it lies.
    """
    x = call.args[0]
    return [out(0), alloc("copy", copy_bytes(x, channels_last=suggests_channels_last(x)))]


@rule(
    "aten.upsample_nearest1d_backward",
    "aten.upsample_nearest2d_backward",
    "aten.upsample_nearest3d_backward",
    "aten._upsample_nearest_exact1d_backward",
    "aten._upsample_nearest_exact2d_backward",
    "aten._upsample_nearest_exact3d_backward",
    "aten.upsample_bilinear2d_backward",
    "aten.upsample_bicubic2d_backward",
    source="aten/src/ATen/native/cuda/UpSampleBilinear2d.cu "
    "upsample_bilinear2d_backward_out_cuda_template",
)
def upsample_backward(call: Call) -> list[Action]:
    """The output's gradient is brought into the form that it suggests where it has gaps."""
    grad = call.args[0]
    last = suggests_channels_last(grad)
    return [out(0), alloc("gradient copy", copy_bytes(grad, channels_last=last))]
