"""What operators give where their arguments are unknown: constants, and assumptions.

A choice among activations is taken to be balanced: each expert, class or row is chosen as often as
any other. Of a mask that compares activations half is set, every second element, and the other
half in the opposite comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

#: Gets shape and type of the result, the arguments that are no tensors, and those with a name.
Constant = Callable[[torch.Size, torch.dtype, Sequence[Any], Mapping[str, Any]], Tensor]


class Assumed(NamedTuple):
    """A result that is assumed: `make` gives what `tensor` holds, and `detail` says it in words."""

    tensor: Tensor
    detail: str
    make: Callable[[], Tensor]


#: Gets an operator's arguments and its result.
Assume = Callable[[Sequence[Any], Mapping[str, Any], Any], Assumed | None]


def _zeros(shape: torch.Size, dtype: torch.dtype, _numbers: Any, _named: Any) -> Tensor:
    return torch.zeros(shape, dtype=dtype, device="cpu")


def _ones(shape: torch.Size, dtype: torch.dtype, _numbers: Any, _named: Any) -> Tensor:
    return torch.ones(shape, dtype=dtype, device="cpu")


def _full(shape: torch.Size, dtype: torch.dtype, numbers: Any, named: Any) -> Tensor:
    value = numbers[-1] if numbers else named["fill_value"]
    return torch.full(shape, value, dtype=dtype, device="cpu")


#: Operators whose results follow from the shapes alone. (What `empty` holds is nobody's to know.)
CONSTANTS: Mapping[str, Constant] = MappingProxyType({
    "aten.empty": _zeros, "aten.empty_like": _zeros, "aten.empty_strided": _zeros,
    "aten.empty_permuted": _zeros, "aten.new_empty": _zeros, "aten.new_empty_strided": _zeros,
    "aten.zeros_like": _zeros, "aten.new_zeros": _zeros, "aten.ones_like": _ones,
    "aten.new_ones": _ones, "aten.full_like": _full, "aten.new_full": _full,
})  # fmt: skip


def _every_other(first: bool) -> Assume:
    def assume(_args: Sequence[Any], _kwargs: Mapping[str, Any], result: Tensor) -> Assumed:
        shape, count = result.shape, result.numel()
        if count == 1:
            return Assumed(result, "a comparison of activations does not hold", _none(shape))

        def make() -> Tensor:
            even = torch.arange(count, device="cpu") % 2 == 0
            return (even if first else ~even).reshape(shape)

        return Assumed(result, "half of a mask of activations is set", make)

    return assume


def _none(shape: torch.Size) -> Callable[[], Tensor]:
    return lambda: torch.zeros(shape, dtype=torch.bool, device="cpu")


def _equal(holds: bool) -> Assume:
    """`x == y`; a tensor compared with itself asks for NaN."""

    def assume(args: Sequence[Any], _kwargs: Mapping[str, Any], result: Tensor) -> Assumed:
        shape = result.shape
        same = len(args) > 1 and args[0] is args[1]
        value = holds if same else not holds
        detail = "activations are finite" if same else "activations equal nothing"
        return Assumed(
            result, detail, lambda: torch.full(shape, value, dtype=torch.bool, device="cpu")
        )

    return assume


def _finite(value: bool) -> Assume:
    def assume(_args: Sequence[Any], _kwargs: Mapping[str, Any], result: Tensor) -> Assumed:
        shape = result.shape
        return Assumed(
            result,
            "activations are finite",
            lambda: torch.full(shape, value, dtype=torch.bool, device="cpu"),
        )

    return assume


def _dimension(args: Sequence[Any], kwargs: Mapping[str, Any], place: int, default: Any) -> Any:
    """The argument `dim`."""
    return args[place] if len(args) > place else kwargs.get("dim", default)


def _rows(shape: torch.Size, dim: int, choices: int, each: int) -> Tensor:
    """Row after row picks the next `each` of `choices`, beginning again at the end."""
    moved = [size for place, size in enumerate(shape) if place != dim]
    rows = torch.Size(moved).numel()
    picked = torch.arange(rows * each, device="cpu").reshape(*moved, each) % choices
    return picked.movedim(-1, dim)


def _picked(tensor: Tensor, dim: int, choices: int, detail: str) -> Assumed:
    shape = tensor.shape
    dim %= max(tensor.dim(), 1)
    each = shape[dim] if shape else 1
    return Assumed(
        tensor,
        detail,
        lambda: _rows(shape, dim, choices, each) if shape else torch.zeros((), dtype=torch.int64),
    )


def _topk(args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Assumed:
    dim = _dimension(args, kwargs, 2, -1)
    choices = args[0].shape[dim] if args[0].dim() else 1
    return _picked(result[1], dim, max(choices, 1), f"each of {choices} is chosen equally often")


def _best(args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Assumed | None:
    """The index of the largest or smallest."""
    tensor = result if isinstance(result, Tensor) else result[1]
    if tensor.is_floating_point():  # the largest itself, or of two tensors
        return None
    dim = _dimension(args, kwargs, 1, None)
    if dim is None:
        shape = tensor.shape
        return Assumed(
            tensor,
            "the first is the largest",
            lambda: torch.zeros(shape, dtype=torch.int64, device="cpu"),
        )
    choices = args[0].shape[dim] if args[0].dim() else 1
    keep = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
    shape = tensor.shape
    detail = f"each of {choices} is chosen equally often"
    count = max(choices, 1)
    if keep:
        return _picked(tensor, dim, count, detail)
    return Assumed(
        tensor,
        detail,
        lambda: (torch.arange(shape.numel(), device="cpu") % count).reshape(shape),
    )


def _order(args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Assumed:
    tensor = result if isinstance(result, Tensor) else result[1]
    shape = tensor.shape
    dim = kwargs.get("dim", -1)
    for argument in args[1:]:
        if type(argument) is int:
            dim = argument
            break

    def make() -> Tensor:
        if not shape:
            return torch.zeros((), dtype=torch.int64, device="cpu")
        along = torch.arange(shape[dim], device="cpu")
        sizes = [1] * len(shape)
        sizes[dim] = shape[dim]
        return along.reshape(sizes).expand(shape)

    return Assumed(tensor, "activations are in order", make)


def _drawn(args: Sequence[Any], _kwargs: Mapping[str, Any], result: Tensor) -> Assumed:
    choices = args[0].shape[-1]
    return _picked(result, -1, max(choices, 1), f"each of {choices} is drawn equally often")


def _random_order(_args: Sequence[Any], _kwargs: Mapping[str, Any], result: Tensor) -> Assumed:
    count = result.numel()
    return Assumed(
        result, "a random order is 0, 1, 2, ...", lambda: torch.arange(count, device="cpu")
    )


def _random_integers(args: Sequence[Any], _kwargs: Mapping[str, Any], result: Tensor) -> Assumed:
    numbers = [item for item in args if isinstance(item, int)]
    low, high = (0, *numbers)[-2:]
    shape, choices = result.shape, max(high - low, 1)
    return Assumed(
        result,
        f"random numbers below {high} are equally frequent",
        lambda: (torch.arange(shape.numel(), device="cpu") % choices + low).reshape(shape),
    )


def _clamped(args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor) -> Assumed | None:
    """Activations that are clamped to a few numbers: levels, buckets."""
    low = args[1] if len(args) > 1 else kwargs.get("min")
    high = args[2] if len(args) > 2 else kwargs.get("max")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    choices = int(high - low) + 1
    if not (low == int(low) and high == int(high) and 1 <= choices <= _FEW):
        return None
    shape = result.shape
    return Assumed(
        result,
        f"the numbers from {low:g} to {high:g} are equally frequent",
        lambda: (torch.arange(shape.numel(), device="cpu") % choices + low).reshape(shape),
    )


#: Numbers up to which a range is taken for a choice.
_FEW = 16

#: Integers and truth values that come from activations, or are drawn.
ASSUMED: Mapping[str, Assume] = MappingProxyType({
    "aten.gt": _every_other(True), "aten.ge": _every_other(True),
    "aten.lt": _every_other(False), "aten.le": _every_other(False),
    "aten.eq": _equal(True), "aten.ne": _equal(False),
    "aten.isnan": _finite(False), "aten.isinf": _finite(False), "aten.isfinite": _finite(True),
    "aten.topk": _topk, "aten.argmax": _best, "aten.argmin": _best, "aten.max": _best,
    "aten.min": _best, "aten.sort": _order, "aten.argsort": _order, "aten.multinomial": _drawn,
    "aten.randperm": _random_order, "aten.randint": _random_integers, "aten.clamp": _clamped,
})  # fmt: skip
