"""A copy of a module's structure on the meta device, sharing nothing that a run could change.

`copy.deepcopy` would do the same, but it copies every weight and takes as long as the run itself.
"""

from __future__ import annotations

import contextlib
import copy
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from nincost._models.made_of_tensors import is_made_of_tensors, with_parts
from nincost._models.packed_weights import is_packed, packed_like, say_alike
from nincost._torch.modules import COMPILED_CALL, COMPILED_MODULE

#: Attribute values that cannot change, so original and copy may share them.
_SHARED = frozenset(
    {
        int, float, bool, complex, str, bytes, type(None), type, type(Ellipsis),
        types.FunctionType, types.BuiltinFunctionType, types.ModuleType,
        torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format,
    }
)  # fmt: skip

_META, _CPU = torch.device("meta"), torch.device("cpu")

#: Bytes up to which a plain attribute is copied with its values.
_LARGEST_ATTRIBUTE = 2**26


def copy_structure(
    model: nn.Module, copied: Callable[[torch.Tensor, torch.Tensor], None] | None = None
) -> nn.Module:
    """A private copy of `model` whose parameters and buffers are on the meta device.

    Tied parameters stay tied, hooks stay in place, and no weight is read or copied. Every module
    reached through `named_modules` is copied by this function; other attributes are deep-copied,
    and a tensor on the CPU that is a plain attribute stays there, as where a model is moved.
    `copied` gets each tensor that is no parameter, and its copy.
    """
    on_meta = _by_parts(_meta_tensor, _META)
    if copied is None:
        return _copy(model, on_meta)

    def convert(tensor: torch.Tensor) -> torch.Tensor:
        made = on_meta(tensor)
        if not isinstance(tensor, nn.Parameter):
            copied(tensor, made)
        return made

    return _copy(model, convert)


def copy_with_weights(model: nn.Module) -> nn.Module:
    """A private copy of `model` with its weights, on the CPU; a meta weight is drawn anew.

    Used where a model cannot run on meta. Weights drawn anew are small random numbers.
    """
    generator = torch.Generator().manual_seed(0)

    def real(tensor: torch.Tensor) -> torch.Tensor:
        if is_lazy(tensor):
            return _lazy(tensor, "cpu")
        if not tensor.is_meta:
            return _like(tensor, tensor.detach().to("cpu", copy=True))
        fresh = torch.zeros(tensor.shape, dtype=tensor.dtype)
        if tensor.is_floating_point() and isinstance(tensor, nn.Parameter):
            fresh.normal_(0, 0.02, generator=generator)
        return _like(tensor, fresh)

    return _copy(model, _by_parts(real, _CPU))


def copy_with_zeros(model: nn.Module) -> nn.Module:
    """A private copy of `model` on the CPU with all weights zero, for a tool that must run it."""

    def zeros(tensor: torch.Tensor) -> torch.Tensor:
        if is_lazy(tensor):
            return _lazy(tensor, "cpu")
        return _like(tensor, torch.zeros(tensor.shape, dtype=tensor.dtype))

    return _copy(model, _by_parts(zeros, _CPU))


def set_mode(module: nn.Module, *, training: bool) -> None:
    """Set training or evaluation mode; an exported program keeps that which it was exported in."""
    with contextlib.suppress(NotImplementedError):
        module.train(training)


def _by_parts(
    convert: Callable[[torch.Tensor], torch.Tensor], device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """`convert`, which gives plain tensors on a device, also for those that are made of others."""

    def of_any(tensor: torch.Tensor) -> torch.Tensor:
        if is_made_of_tensors(tensor):
            return _like(tensor, with_parts(tensor, convert, device))
        return convert(tensor)

    return of_any


def _copy(model: nn.Module, convert: Any) -> nn.Module:
    modules = list(model.modules())
    # deepcopy looks into the memo first: anything that refers to one of these gets its copy.
    memo: dict[int, Any] = {}
    compiled = [module for module in modules if COMPILED_MODULE in module.__dict__["_modules"]]
    modules = [module for module in modules if not any(module is one for one in compiled)]
    for module in modules:
        # Not by the class's own __new__: a graph module's makes a class without its graph's code.
        memo[id(module)] = object.__new__(module.__class__)
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and id(tensor) not in memo:
                memo[id(tensor)] = convert(tensor)
    for module in modules:
        for parameter in module._parameters.values():
            if parameter is not None and is_packed(parameter):
                say_alike(parameter, memo[id(parameter)], memo, convert, _deep_copy)
    for module in reversed(compiled):  # what torch.compile was called for, in its place
        memo[id(module)] = memo[id(module._modules[COMPILED_MODULE])]
    for module in modules:
        for name in _slots(type(module)):
            if hasattr(module, name):
                value = _deep_copy(getattr(module, name), memo)
                object.__setattr__(memo[id(module)], name, value)
        target = memo[id(module)].__dict__
        for name, value in module.__dict__.items():
            if name == COMPILED_CALL:  # would run a compiled graph of the original
                target[name] = None
            elif type(value) in _SHARED:
                target[name] = value
            elif name in ("_parameters", "_buffers", "_modules"):
                target[name] = {
                    key: None if item is None else memo[id(item)] for key, item in value.items()
                }
            elif type(value) is dict and not value:
                target[name] = {}
            elif isinstance(value, torch.Tensor) and id(value) not in memo:
                stays = _stays_on_host(value)
                target[name] = memo[id(value)] = _on_host(value) if stays else convert(value)
            elif _has_only_shared(value):
                target[name] = type(value)(value)
            else:
                target[name] = _deep_copy(value, memo)
    return memo[id(model)]  # type: ignore[no-any-return]


def _stays_on_host(tensor: torch.Tensor) -> bool:
    """Whether a tensor that is a plain attribute stays on the CPU, whatever a model is moved to."""
    return (
        type(tensor) is torch.Tensor
        and tensor.device.type == "cpu"
        and (tensor.layout is torch.strided and not tensor.requires_grad)
    )


def _on_host(tensor: torch.Tensor) -> torch.Tensor:
    """A copy on the CPU; a large one, of which nobody reads the values, is not filled."""
    if tensor.nbytes <= _LARGEST_ATTRIBUTE:
        return tensor.clone()
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)


def _slots(kind: type) -> list[str]:
    """The attributes that a class keeps outside of its instances' `__dict__`."""
    found: list[str] = []
    for base in kind.__mro__:
        names = base.__dict__.get("__slots__", ())
        found += [names] if isinstance(names, str) else names
    return [name for name in found if name not in ("__dict__", "__weakref__")]


def _has_only_shared(value: Any) -> bool:
    kind = type(value)
    if kind is tuple or kind is list or kind is set:
        return all(type(item) in _SHARED for item in value)
    return kind is OrderedDict and not value  # an empty hook table


def _deep_copy(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy, or the value itself where it refuses to be copied (a lock, a file, a stream).

    A dict or list that holds such a value is copied around it.
    """
    known = len(memo)
    try:
        return copy.deepcopy(value, memo)
    except Exception:
        while len(memo) > known:  # half-made copies
            memo.popitem()
    if type(value) is dict:
        fresh = memo[id(value)] = {}
        fresh.update({key: _deep_copy(item, memo) for key, item in value.items()})
        return fresh
    if type(value) is list:
        items = memo[id(value)] = []
        items.extend([_deep_copy(item, memo) for item in value])
        return items
    return value


def _lazy(tensor: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """A lazy module's parameter or buffer, still without a shape."""
    make: Any = type(tensor)
    return make(device=device, dtype=tensor.dtype)  # type: ignore[no-any-return]


def _meta_tensor(tensor: torch.Tensor) -> torch.Tensor:
    if is_lazy(tensor):
        return _lazy(tensor, _META)
    if tensor.layout is not torch.strided:
        return _like(tensor, torch.empty(tensor.shape, dtype=tensor.dtype, device=_META))
    return _like(
        tensor,
        torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=_META),
    )


def _like(original: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """`tensor` as a parameter where `original` is one, and as willing to train."""
    if is_packed(original):
        return packed_like(original, tensor)
    if isinstance(original, nn.Parameter):
        return nn.Parameter(tensor, requires_grad=original.requires_grad)
    return tensor.requires_grad_(True) if original.requires_grad else tensor
