"""Operators that work element by element, on meta tensors."""

from __future__ import annotations

import itertools
from typing import Any

from torch import Tensor

from nincost._devices.declare import correction, in_place, layout
from nincost._devices.output_layouts import all_plain, row_major_like
from nincost._trace.meta_operators import Layouts


@layout(
    "aten.relu.default", "aten.gelu.default", "aten.silu.default", "aten.sigmoid.default",
    "aten.tanh.default", "aten.hardswish.default", "aten.hardsigmoid.default",
    "aten.hardtanh.default", "aten.leaky_relu.default", "aten.elu.default", "aten.exp.default",
    "aten.sqrt.default", "aten.rsqrt.default", "aten.neg.default", "aten.add.Scalar",
    "aten.mul.Scalar", "aten.sub.Scalar",
)  # fmt: skip
def unary(x: Tensor, *others: Any, **_: Any) -> Layouts | None:
    """As the input, where numbers among the arguments are real."""
    if not all_plain(x) or any(isinstance(value, complex) for value in others):
        return None
    return row_major_like(x)


@layout(
    "aten.add.Tensor", "aten.sub.Tensor", "aten.mul.Tensor", "aten.div.Tensor",
    "aten.threshold_backward.default",
)  # fmt: skip
def binary(left: Tensor, right: Any, *_: Any, **__: Any) -> Layouts | None:
    """As both, where they have one shape."""
    if not isinstance(right, Tensor) or left.shape != right.shape or not all_plain(left, right):
        return None
    return row_major_like(left)


@layout("aten.div.Scalar")
def divide(x: Tensor, other: Any) -> Layouts | None:
    """A mean's backward divides an expanded gradient: row-major, where its strides descend.

    Dimensions of stride 0 stay where they are (aten/src/ATen/TensorIterator.cpp,
    reorder_dimensions).
    """
    strides = [stride for stride in x.stride() if stride]
    fits = x.dtype.is_floating_point and not isinstance(other, complex) and x.numel() > 0
    if not fits or any(first <= second for first, second in itertools.pairwise(strides)):
        return None
    return row_major_like(x)


@layout("aten.gelu_backward.default")
def gelu_backward(grad: Tensor, x: Tensor, approximate: str = "none") -> Layouts | None:
    fits = grad.shape == x.shape and approximate in ("none", "tanh")
    return row_major_like(x) if fits and all_plain(grad, x) else None


@in_place(
    "aten.add_", "aten.sub_", "aten.mul_", "aten.div_", "aten.addcmul_", "aten.addcdiv_",
    "aten.lerp_", "aten.sqrt_", "aten.neg_", "aten.zero_",
)  # fmt: skip
def same_shapes(x: Tensor, *others: Any, **_: Any) -> bool:
    """Shapes that do not fit are left to the kernel, so that its error reaches the user."""
    tensors = [value for value in others if isinstance(value, Tensor)]
    return x.is_meta and all(other.shape == x.shape and other.dtype is x.dtype for other in tensors)


@correction("aten.rrelu_with_noise.default")
def rrelu(
    result: Tensor, _x: Tensor, _noise: Tensor, _lower: Any = None, _upper: Any = None,
    training: bool = False, *_: Any,
) -> Tensor:  # fmt: skip
    """Row-major for training, on the CPU and on CUDA (native/cuda/RreluWithNoise.cu)."""
    return result.contiguous() if training is True else result
