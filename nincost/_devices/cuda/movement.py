"""Operators that only move data, where they pass through memory of their own."""

from __future__ import annotations

import torch

from nincost._devices.declare import rule
from nincost._devices.deterministic import filling
from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import Action, Call, alloc, free, out


@rule(
    "aten.roll",
    source="aten/src/ATen/native/cuda/TensorTransformations.cu roll_cuda; "
    "TensorTransformations.h roll_common",
)
def roll(call: Call) -> list[Action]:
    """One dimension after the other, each into memory of its own."""
    x, shifts = call.args[:2]
    times = len(shifts) if isinstance(shifts, list | tuple) else 1
    copy = alloc("copy", dense_copy(x))
    if times <= 1:
        return [copy, out(0)]
    steps = [f"rolled along {number}" for number in range(1, times)]
    actions: list[Action] = [copy, alloc(steps[0], x.bytes), free("copy")]
    return [
        *actions,
        *(alloc(step, x.bytes) for step in steps[1:]),
        out(0),
        *map(free, reversed(steps)),
    ]


@rule(
    "aten.im2col",
    "aten.col2im",
    source="aten/src/ATen/native/cuda/Im2Col.cu im2col_out_cuda_template, Col2Im.cu",
)
def columns(call: Call) -> list[Action]:
    """The output is made like the input, and then given its own shape, in that memory if less."""
    x, y = call.args[0], call.outputs[0]
    copy = alloc("copy", dense_copy(x))
    if y.bytes <= x.bytes:
        return [out(0, bytes=x.bytes), copy]
    filled = filling(call.target, y.dtype)
    return [alloc("like the input", x.bytes), copy, out(0), free("like the input"), *filled]


@rule(
    "aten.unfold_backward",
    source="aten/src/ATen/native/UnfoldBackward.h _make_unfold_backward_iter_over_grad_in",
)
def unfold_backward(call: Call) -> list[Action]:
    """The output, then the places along the unfolded dimension, as int64."""
    sizes, dim = call.args[1:3]
    return [out(0), alloc("places", 8 * sizes[dim]), *filling(call.target, torch.int64)]
