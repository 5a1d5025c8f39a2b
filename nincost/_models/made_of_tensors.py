"""Tensors that a library's class makes of others, such as torchao's quantized weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

#: What PyTorch's own classes of this kind stand for is not theirs alone, such as DTensor's.
_OWN = "torch."


def is_made_of_tensors(tensor: Tensor) -> bool:
    """Whether a library's class holds it as other tensors, and says so (`__tensor_flatten__`)."""
    kind = type(tensor)
    return hasattr(kind, "__tensor_flatten__") and not f"{kind.__module__}.".startswith(_OWN)


def parts_of(tensor: Tensor) -> Iterator[Tensor]:
    """The plain tensors that a tensor is made of, in order; a plain one itself."""
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is None:
        yield tensor
        return
    for name in flatten()[0]:
        inner = getattr(tensor, name)
        if isinstance(inner, Tensor):
            yield from parts_of(inner)


def bytes_of(tensor: Tensor) -> int:
    """Of all of its parts."""
    return sum(part.nbytes for part in parts_of(tensor))


def with_parts(tensor: Tensor, convert: Callable[[Tensor], Tensor], device: torch.device) -> Tensor:
    """A tensor of the same class, made of what `convert` gives for each plain part.

    Args:
        device: where what `convert` gives is; the class may keep that beside its parts.
    """
    if not is_made_of_tensors(tensor):
        return convert(tensor)
    whole: Any = tensor
    names, context = whole.__tensor_flatten__()
    parts = {name: with_parts(getattr(tensor, name), convert, device) for name in names}
    return type(tensor).__tensor_unflatten__(  # type: ignore[attr-defined, no-any-return]
        parts, _on(device, context), tensor.size(), tensor.stride()
    )


def _on(device: torch.device, context: Any) -> Any:
    """What a class keeps beside its parts, with `device` for any device."""
    if isinstance(context, torch.device):
        return device
    if isinstance(context, dict):
        return {key: _on(device, value) for key, value in context.items()}
    if isinstance(context, tuple) and hasattr(context, "_replace"):
        return type(context)(*[_on(device, value) for value in context])
    if type(context) in (tuple, list):
        return type(context)(_on(device, value) for value in context)
    if dataclasses.is_dataclass(context) and not isinstance(context, type):
        found = {
            field.name: getattr(context, field.name)
            for field in dataclasses.fields(context)
            if isinstance(getattr(context, field.name), torch.device)
        }
        return dataclasses.replace(context, **dict.fromkeys(found, device)) if found else context
    return context
