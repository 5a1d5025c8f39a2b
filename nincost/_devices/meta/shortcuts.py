"""What an optimizer's operators and some others give, without running their meta kernels.

A meta kernel of a list operator goes through Python once for each tensor, and the first one
imports torch's compiler; all that a step asks is which tensors are new.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

#: In place, and element by element: the result is the first argument.
_IN_PLACE = frozenset(
    f"aten.{name}_"
    for name in ("add", "sub", "mul", "div", "addcmul", "addcdiv", "lerp", "sqrt", "neg", "zero")
)

#: List operators whose results have the layouts of their first list.
_LIKE_FIRST = frozenset(
    f"aten._foreach_{name}"
    for name in ("add", "sub", "mul", "div", "sqrt", "neg", "abs", "sign", "reciprocal", "maximum",
                 "minimum", "pow", "lerp", "addcmul", "addcdiv", "exp", "log")
)  # fmt: skip


def shortcut(func: Any, args: tuple[Any, ...]) -> Any:
    """The operator's result, or NotImplemented where its kernel must say.

    Operators in place give what they changed; shapes that do not fit are left to the kernel, so
    that its error reaches the user.
    """
    name = f"{func.namespace}.{func._schema.name.partition('::')[2]}"
    first = args[0] if args else None
    if name.startswith("aten._foreach_") and isinstance(first, list | tuple):
        if not all(tensor.is_meta for tensor in first):
            return NotImplemented
        if name.endswith("_"):
            return first if func._schema.returns else None
        if name == "aten._foreach_norm":
            return [torch.empty((), dtype=tensor.dtype, device="meta") for tensor in first]
        if name in _LIKE_FIRST:
            return [_like(tensor) for tensor in first]
    elif name in _IN_PLACE and isinstance(first, Tensor) and first.is_meta:
        others = [value for value in args[1:] if isinstance(value, Tensor)]
        if all(other.shape == first.shape and other.dtype is first.dtype for other in others):
            return first
    elif name == "aten._amp_foreach_non_finite_check_and_unscale_":
        return None
    elif name == "aten._amp_update_scale_":
        return first
    elif name == "aten.convolution_backward":
        return _convolution_backward(*args)
    return NotImplemented


def _convolution_backward(
    grad: Tensor, given: Tensor, weight: Tensor, bias: Any, *others: Any
) -> Any:
    """The gradients that are asked for, None for others; row-major tensors only."""
    transposed, mask = others[3], others[6]
    tensors = (grad, given, weight)
    if transposed or bias is None or not all(t.is_meta and t.is_contiguous() for t in tensors):
        return NotImplemented
    return (
        _like(given) if mask[0] else None,
        _like(weight) if mask[1] else None,
        torch.empty(bias, dtype=weight.dtype, device="meta") if mask[2] else None,
    )


def _like(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
