"""Element by element, and means: the numbers that become tensors."""

from __future__ import annotations

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


@rule(
    "cpu",
    "aten.add",
    "aten.sub",
    "aten.mul",
    "aten.div",
    "aten.add_",
    "aten.sub_",
    "aten.mul_",
    "aten.div_",
    source="aten/src/ATen/native/BinaryOps.cpp wrapped_scalar_tensor; TensorIterator.cpp",
)
def binary(call: Call) -> list[Action] | None:
    """A number becomes a tensor of 8 bytes, and a second one in the operation's type.

    See `is_in_place_sum` for sums in backward.
    """
    if is_in_place_sum(call):
        return [out(0, over=0)]
    other = call.arg(1)
    if isinstance(other, TensorMeta):
        return None
    return [*_scalar(call.outputs[0].dtype.itemsize), out(0), drop("cast"), drop("number")]


@rule(
    "cpu",
    "aten.eq",
    "aten.ne",
    "aten.lt",
    "aten.le",
    "aten.gt",
    "aten.ge",
    source="aten/src/ATen/native/BinaryOps.cpp comparison_op",
)
def compare(call: Call) -> list[Action] | None:
    """As `binary`; the result is in bytes, the comparison in the tensor's type."""
    if isinstance(call.arg(1), TensorMeta):
        return None
    return [*_scalar(call.args[0].dtype.itemsize), out(0), drop("number"), drop("cast")]


@rule(
    "cpu",
    "aten.masked_fill",
    source="torch/csrc/autograd/generated/Functions.cpp MaximumBackward0 (derivatives.yaml)",
)
def masked_fill(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node in FILLING else None)]


@rule("cpu", "aten.roll", source="aten/src/ATen/native/TensorTransformations.h roll_common")
def roll(call: Call) -> list[Action]:
    """One dimension after the other: two results at a time."""
    several = len(call.arg(1)) > 1
    return [take("rolled", call.outputs[0].bytes if several else 0), out(0), drop("rolled")]


def _scalar(itemsize: int) -> list[Action]:
    """A double or int64 scalar, and its cast to the type that the operation runs in."""
    return [take("number", 8), take("cast", itemsize if itemsize != 8 else 0)]


@rule("cpu", "aten.mean", source="aten/src/ATen/native/ReduceOps.cpp mean: sum, then div_")
def mean(call: Call) -> list[Action]:
    return [out(0), *_scalar(call.outputs[0].dtype.itemsize), drop("cast"), drop("number")]
