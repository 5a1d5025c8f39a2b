"""Operators that work element by element, on CUDA."""

from __future__ import annotations

from torch import Tensor

from nincost._devices.declare import layout, rule
from nincost._devices.in_place_formulas import FILL_IN_PLACE, is_in_place_sum
from nincost._devices.output_layouts import dense_like
from nincost._devices.rules import Action, Call, alloc, out
from nincost._trace.meta_operators import Layouts
from nincost._trace.records import TensorMeta


@rule(
    "aten.add",
    source="torch/csrc/autograd/input_buffer.cpp; aten/src/ATen/native/Linear.cpp; "
    "aten/src/ATen/native/transformers/attention.cpp",
)
def add(call: Call) -> list[Action]:
    """The engine's sum of two gradients, linear's bias, and attention's mask."""
    masked = call.node == "scaled_dot_product_attention" and isinstance(call.arg(1), TensorMeta)
    return [out(0, over=0 if masked or is_in_place_sum(call) else None)]


@rule(
    "aten.masked_fill",
    source="torch/csrc/autograd/generated/Functions.cpp MaximumBackward0 (derivatives.yaml)",
)
def masked_fill(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node in FILL_IN_PLACE else None)]


@rule(
    "aten.sub",
    "aten.mul",
    source="torch/csrc/autograd/FunctionsManual.cpp binary_cross_entropy_with_logits_backward",
)
def product(call: Call) -> list[Action]:
    """Of binary cross-entropy's gradient, sigmoid(x) - target and its product with the gradient."""
    return [out(0, over=0 if call.node == "BinaryCrossEntropyWithLogitsBackward0" else None)]


@rule(
    "aten.pow",
    source="aten/src/ATen/native/Pow.cpp pow_Scalar_out",
)
def power(call: Call) -> list[Action]:
    """A number to the power of a tensor: the number is a tensor on the device for a while."""
    base = call.args[0]
    if isinstance(base, TensorMeta) or base == 1:
        return [out(0)]
    return [out(0), alloc("base", 16 if isinstance(base, complex) else 8)]


@rule(
    "aten.abs",
    source="aten/src/ATen/native/UnaryOps.cpp abs, unary_op_impl_with_complex_to_float_out",
)
def absolute(call: Call) -> list[Action]:
    """Of complex numbers the kernel gives complex ones, whose real parts are copied."""
    return [out(0), _complex_result(call)]


@rule(
    "aten.angle",
    source="aten/src/ATen/native/UnaryOps.cpp angle, unary_op_impl_with_complex_to_float_out",
)
def angle(call: Call) -> list[Action]:
    """As `absolute`, into an output that is made when the complex numbers are there."""
    return [_complex_result(call), out(0)]


def _complex_result(call: Call) -> Action:
    x = call.args[0]
    return alloc("complex", x.bytes if x.dtype.is_complex else 0)


@rule(
    "aten.isinf",
    source="aten/src/ATen/native/TensorCompare.cpp isinf",
)
def is_infinite(call: Call) -> list[Action]:
    """The absolute values are compared with infinity."""
    return [alloc("absolute", call.args[0].bytes), out(0)]


@rule(
    "aten.log_sigmoid_forward",
    source="aten/src/ATen/native/cuda/ActivationLogSigmoidKernel.cu log_sigmoid_forward_cuda",
)
def log_sigmoid(_call: Call) -> list[Action]:
    """The buffer that the CPU keeps for backward is empty."""
    return [out(0), out(1, bytes=0)]


@layout("aten.mish_backward.default")
def mish_backward(_grad: Tensor, x: Tensor) -> Layouts:
    """aten/src/ATen/native/cuda/ActivationMishKernel.cu: one kernel, where meta takes it apart."""
    return (dense_like(x),)
