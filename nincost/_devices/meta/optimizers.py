"""What optimizers and gradient scalers run, on meta tensors: operators on lists, and fused ones.

A meta kernel of a list operator goes through Python once for each tensor, and the first one imports
torch's compiler; all that a step asks is which tensors are new.
"""

from __future__ import annotations

from typing import Any

from nincost._devices.declare import in_place, layout
from nincost._devices.output_layouts import describe, row_major
from nincost._trace.meta_operators import Layouts

#: Every `aten._foreach_NAME_` that torch has.
_IN_PLACE = (
    "abs", "acos", "add", "addcdiv", "addcmul", "asin", "atan", "ceil", "clamp_max", "clamp_min",
    "copy", "cos", "cosh", "div", "erf", "erfc", "exp", "expm1", "floor", "frac", "lerp", "lgamma",
    "log", "log10", "log1p", "log2", "maximum", "minimum", "mul", "neg", "pow", "reciprocal",
    "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "sub", "tan", "tanh", "trunc",
    "zero",
)  # fmt: skip

#: Those whose results have the layouts of their first list.
_LIKE_FIRST = (
    "add", "sub", "mul", "div", "sqrt", "neg", "abs", "sign", "reciprocal", "maximum", "minimum",
    "pow", "lerp", "addcmul", "addcdiv", "exp", "log",
)  # fmt: skip


@in_place(*(f"aten._foreach_{name}_" for name in _IN_PLACE))
def list_in_place(tensors: Any, *_: Any, **__: Any) -> bool:
    return isinstance(tensors, list | tuple) and all(tensor.is_meta for tensor in tensors)


@layout(*(f"aten._foreach_{name}" for name in _LIKE_FIRST))
def list_like_first(tensors: Any, *_: Any, **__: Any) -> Layouts | None:
    """A list of tensors like the first argument's."""
    if not isinstance(tensors, list | tuple):  # a number to the power of each
        return None
    return [describe(tensor) for tensor in tensors]


@layout("aten._foreach_norm")
def list_norms(tensors: Any, *_: Any, dtype: Any = None) -> Layouts | None:
    """A number for each tensor."""
    return None if dtype is not None else [row_major((), tensor.dtype) for tensor in tensors]


@in_place(
    "aten._fused_sgd_", "aten._fused_adagrad_", "aten._amp_foreach_non_finite_check_and_unscale_",
    "aten._amp_update_scale_",
)  # fmt: skip
def fused_update(*_: Any, **__: Any) -> bool:
    """In place, and nothing is new; torch has no meta kernels for the first two."""
    return True
