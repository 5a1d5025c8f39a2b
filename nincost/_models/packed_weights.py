"""bitsandbytes' weights in a model that has them already: a copy on meta stays of their class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

_LIBRARY = "bitsandbytes."


def is_packed(tensor: Tensor) -> bool:
    """Whether it is one of bitsandbytes' parameters, which say how they are to be read."""
    return isinstance(tensor, nn.Parameter) and type(tensor).__module__.startswith(_LIBRARY)


def packed_like(original: Tensor, tensor: Tensor) -> Tensor:
    """`tensor` as a parameter of the original's class, without what that one says yet."""
    made: Any = tensor.as_subclass(type(original))  # type: ignore[arg-type]
    return made.requires_grad_(original.requires_grad)  # type: ignore[no-any-return]


def say_alike(
    original: Tensor,
    copied: Tensor,
    memo: dict[int, Any],
    convert: Callable[[Tensor], Tensor],
    deep_copy: Callable[[Any, dict[int, Any]], Any],
) -> None:
    """Have a copy say what the original says, its scales converted like any tensor."""
    for one in _tensors_behind(original):
        if id(one) not in memo:
            same = one.untyped_storage().data_ptr() == original.untyped_storage().data_ptr()
            memo[id(one)] = copied.detach().as_subclass(Tensor) if same else convert(one)
    copied.__dict__.update(deep_copy(dict(original.__dict__), memo))


def _tensors_behind(parameter: Tensor) -> Iterator[Tensor]:
    """The tensors that a parameter's attributes are, or hold, or hold of what they hold."""
    level: list[Any] = [parameter]
    for _ in range(3):
        values = [value for one in level for value in vars(one).values()]
        yield from (value for value in values if isinstance(value, torch.Tensor))
        level = [
            value
            for value in values
            if type(value).__module__.startswith(_LIBRARY)
            and not isinstance(value, torch.Tensor | nn.Module)
            and hasattr(value, "__dict__")
        ]
