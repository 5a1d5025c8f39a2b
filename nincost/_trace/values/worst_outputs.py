"""What is assumed of unknown arguments in the worst case, where that differs from the balanced one.

All choose the same, so that one expert, class or row gets everything; all of a mask is set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from nincost._trace.values.assumed_outputs import ASSUMED, Assume, Assumed


def _all_set(args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor) -> Assumed | None:
    shape = result.shape
    if result.numel() == 1:
        return ASSUMED["aten.gt"](args, kwargs, result)
    return Assumed(
        result,
        "all of a mask of activations is set",
        lambda: torch.ones(shape, dtype=torch.bool, device="cpu"),
    )


def _the_same(name: str) -> Assume:
    """As the balanced choice, with the first row's for every row."""
    balanced = ASSUMED[name]

    def assume(args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Assumed | None:
        found = balanced(args, kwargs, result)
        if found is None:
            return None
        shape = found.tensor.shape
        several = name in _SEVERAL and bool(shape)
        # Only among several that are chosen at once do the chosen ones differ.
        dim = _dimension(args, kwargs) % len(shape) if several else 0

        def make() -> Tensor:
            first = torch.zeros(shape, dtype=torch.int64, device="cpu")
            if not several:
                return first + (_lowest(args, kwargs) if name == "aten.clamp" else 0)
            sizes = [1] * len(shape)
            sizes[dim] = shape[dim]
            return first + torch.arange(shape[dim], device="cpu").reshape(sizes)

        return Assumed(found.tensor, "all choose the same", make)

    return assume


_SEVERAL = frozenset({"aten.topk", "aten.multinomial"})


def _dimension(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """The argument `dim` of topk; the last dimension, for multinomial, which has none."""
    return int(args[2] if len(args) > 2 and type(args[2]) is int else kwargs.get("dim", -1))


def _lowest(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Where clamp's range of whole numbers begins."""
    return int(args[1] if len(args) > 1 else kwargs["min"])


#: By operator; the balanced case's where there is none.
WORST: Mapping[str, Assume] = MappingProxyType({
    **dict.fromkeys(("aten.gt", "aten.ge", "aten.lt", "aten.le"), _all_set),
    **{
        name: _the_same(name)
        for name in (
            "aten.topk", "aten.argmax", "aten.argmin", "aten.max", "aten.min", "aten.multinomial",
            "aten.clamp",
        )
    },
})  # fmt: skip
