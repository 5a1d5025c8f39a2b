"""Results of operators that work element by element, laid out as real kernels lay them out.

Each operator here was compared with PyTorch's own kernels on random layouts
(tests/devices/test_iterator_strides.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from nincost._devices.declare import correction
from nincost._devices.iterator_strides import NUMBER, iterator_strides
from nincost._devices.output_layouts import make_row_major, operand, restrided

#: Where a number among the arguments is an operand, as a tensor without dimensions.
WITH_NUMBERS = tuple(
    f"aten.{name}.{overload}"
    for name, overload in itertools.product(
        ("add", "sub", "mul", "div", "eq", "ne", "lt", "le", "gt", "ge"), ("Tensor", "Scalar")
    )
)

#: Where numbers are the kernel's own.
OF_TENSORS = (
    "aten.relu.default", "aten.silu.default", "aten.sigmoid.default", "aten.gelu.default",
    "aten.tanh.default", "aten.exp.default", "aten.log.default", "aten.sqrt.default",
    "aten.rsqrt.default", "aten.abs.default", "aten.neg.default", "aten.sin.default",
    "aten.cos.default", "aten.erf.default", "aten.reciprocal.default", "aten.clamp.default",
    "aten.clamp_min.default", "aten.leaky_relu.default", "aten.hardswish.default",
    "aten.hardsigmoid.default", "aten.elu.default", "aten.softplus.default", "aten.mish.default",
    "aten.pow.Tensor_Scalar", "aten.maximum.default", "aten.minimum.default",
    "aten.where.self", "aten.lerp.Scalar", "aten.addcmul.default", "aten.addcdiv.default",
    "aten.silu_backward.default", "aten.sigmoid_backward.default", "aten.tanh_backward.default",
    "aten.gelu_backward.default", "aten.hardtanh_backward.default",
)  # fmt: skip


@correction(*WITH_NUMBERS)
def with_numbers(result: Tensor, *args: Any, **_: Any) -> Tensor:
    """Tensors and numbers alike."""
    return _laid_out(result, args[:2])


@correction(*OF_TENSORS)
def of_tensors(result: Tensor, *args: Any, **_: Any) -> Tensor:
    """Tensors alone."""
    return _laid_out(result, [one for one in args if isinstance(one, Tensor)])


@correction("aten.threshold_backward.default")
def threshold(result: Tensor, grad: Tensor, x: Tensor, *_: Any) -> Tensor:
    """The input stands before its gradient (native/Activation.cpp)."""
    return _laid_out(result, [x, grad])


@correction("aten.masked_fill.Scalar", "aten.masked_fill.Tensor")
def row_major(result: Tensor, *_: Any) -> Any:
    """A copy in row-major order is filled (native/TensorAdvancedIndexing.cpp)."""
    return make_row_major(result)


def _laid_out(result: Tensor, operands: Sequence[Any]) -> Tensor:
    tensors = [one for one in operands if isinstance(one, Tensor)]
    if 1 not in result.shape and all(one.is_contiguous() for one in tensors):
        return result
    lying = [operand(one) if isinstance(one, Tensor) else NUMBER for one in operands]
    return restrided(result, iterator_strides(result.shape, lying))
