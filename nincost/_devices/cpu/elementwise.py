"""Element by element on the CPU: the numbers that become tensors."""

from __future__ import annotations

from nincost._devices.declare import rule
from nincost._devices.in_place_formulas import FILL_IN_PLACE, is_in_place_sum
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._trace.records import TensorMeta


@rule(
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
    return [*scalar_tensors(call.outputs[0].dtype.itemsize), out(0), free("cast"), free("number")]


@rule(
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
    return [*scalar_tensors(call.args[0].dtype.itemsize), out(0), free("number"), free("cast")]


@rule(
    "aten.masked_fill",
    source="torch/csrc/autograd/generated/Functions.cpp MaximumBackward0 (derivatives.yaml)",
)
def masked_fill(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node in FILL_IN_PLACE else None)]


def scalar_tensors(itemsize: int) -> list[Action]:
    """A double or int64 scalar, and its cast to the type that the operation runs in."""
    return [alloc("number", 8), alloc("cast", itemsize if itemsize != 8 else 0)]
