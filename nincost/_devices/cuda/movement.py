"""Operators that only move data, where they pass through memory of their own."""

from __future__ import annotations

from nincost._devices.memory_format import copy_bytes, dense_copy, is_channels_last
from nincost._devices.rules import Action, Call, drop, out, rule, take


@rule(
    "cuda",
    "aten.roll",
    source="aten/src/ATen/native/cuda/TensorTransformations.cu roll_cuda; "
    "TensorTransformations.h roll_common",
)
def roll(call: Call) -> list[Action]:
    """One dimension after the other, each into memory of its own."""
    x, shifts = call.args[:2]
    times = len(shifts) if isinstance(shifts, list | tuple) else 1
    copy = take("copy", dense_copy(x))
    if times <= 1:
        return [copy, out(0)]
    steps = [f"rolled along {number}" for number in range(1, times)]
    actions: list[Action] = [copy, take(steps[0], x.bytes), drop("copy")]
    return [
        *actions,
        *(take(step, x.bytes) for step in steps[1:]),
        out(0),
        *map(drop, reversed(steps)),
    ]


@rule(
    "cuda",
    "aten.im2col",
    "aten.col2im",
    source="aten/src/ATen/native/cuda/Im2Col.cu im2col_out_cuda_template, Col2Im.cu",
)
def columns(call: Call) -> list[Action]:
    """The output is made like the input, and then given its own shape, in that memory if less."""
    x, y = call.args[0], call.outputs[0]
    copy = take("copy", dense_copy(x))
    if y.bytes <= x.bytes:
        return [out(0, bytes=x.bytes), copy]
    return [take("like the input", x.bytes), copy, out(0), drop("like the input")]


@rule(
    "cuda",
    "aten.unfold_backward",
    source="aten/src/ATen/native/UnfoldBackward.h _make_unfold_backward_iter_over_grad_in",
)
def unfold_backward(call: Call) -> list[Action]:
    """The output, then the places along the unfolded dimension, as int64."""
    sizes, dim = call.args[1:3]
    return [out(0), take("places", 8 * sizes[dim])]


@rule(
    "cuda",
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
    return [out(0), take("copy", copy_bytes(x, channels_last=is_channels_last(x)))]


@rule(
    "cuda",
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
    last = is_channels_last(grad)
    return [out(0), take("gradient copy", copy_bytes(grad, channels_last=last))]
