"""Means on the CPU."""

from __future__ import annotations

from nincost._devices.cpu.elementwise import scalar_tensors
from nincost._devices.declare import rule
from nincost._devices.rules import Action, Call, free, out


@rule("aten.mean", source="aten/src/ATen/native/ReduceOps.cpp mean: sum, then div_")
def mean(call: Call) -> list[Action]:
    """A sum, divided in place by a number that becomes a tensor."""
    return [out(0), *scalar_tensors(call.outputs[0].dtype.itemsize), free("cast"), free("number")]
