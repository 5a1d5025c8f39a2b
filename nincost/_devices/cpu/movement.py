"""Operators that only move data, on the CPU, where they pass through memory of their own."""

from __future__ import annotations

from nincost._devices.declare import rule
from nincost._devices.rules import Action, Call, alloc, free, out


@rule("aten.roll", source="aten/src/ATen/native/TensorTransformations.h roll_common")
def roll(call: Call) -> list[Action]:
    """One dimension after the other: two results at a time."""
    several = len(call.arg(1)) > 1
    return [alloc("rolled", call.outputs[0].bytes if several else 0), out(0), free("rolled")]
