"""Operators that only move data, where they pass through memory of their own."""

from __future__ import annotations

from nincost.footprint.recording.memory_format import dense_copy
from nincost.footprint.rules import Action, Call, drop, out, rule, take


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
    """The output is made like the input, and then given its own shape: in the same memory if less."""
    x, y = call.args[0], call.outputs[0]
    copy = take("copy", dense_copy(x))
    if y.bytes <= x.bytes:
        return [out(0, bytes=x.bytes), copy]
    return [take("like the input", x.bytes), copy, out(0), drop("like the input")]
