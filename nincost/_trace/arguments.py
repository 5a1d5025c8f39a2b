"""The tensors among an operator's arguments and results, and the same without their data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from nincost._torch.autograd import storage_address
from nincost._trace.records import TensorMeta

#: Argument types that stand for themselves in a key. (bool and float do not: 1 == 1.0 == True.)
PLAIN = frozenset(
    {int, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format}
)


def meta_of(tensor: Tensor) -> TensorMeta:
    stride = tensor.stride() if tensor.layout is torch.strided else ()
    return TensorMeta(tensor.shape, stride, tensor.dtype)


def described(value: Any) -> Any:
    """The same value with a `TensorMeta` for each tensor."""
    kind = type(value)
    if kind is Tensor or kind is Parameter:
        return meta_of(value)
    if kind is list or kind is tuple:
        return tuple([described(item) for item in value])
    if kind in PLAIN or kind is float or kind is bool:
        return value
    return meta_of(value) if isinstance(value, Tensor) else value


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors in a value of nested lists and tuples."""
    kind = type(value)
    if kind is Tensor or kind is Parameter:
        return [value]
    if kind is list or kind is tuple:
        found: list[Tensor] = []
        for item in value:
            kind = type(item)
            if kind is Tensor or kind is Parameter:
                found.append(item)
            elif kind not in PLAIN and kind is not float and kind is not bool:
                found.extend(tensors_of(item))
        return found
    # Asked last: isinstance is slow for what is no tensor, since torch overrides it.
    if isinstance(value, Tensor):
        return [value]
    return [t for item in value for t in tensors_of(item)] if isinstance(value, tuple) else []


def fresh(outputs: list[Tensor], inputs: list[Tensor]) -> tuple[bool, ...]:
    """For each output tensor, whether its memory is none of the inputs'.

    The schema says so too, but not always rightly: `_unsafe_view` is a view.
    """
    old = {storage_key(tensor) for tensor in inputs}
    return tuple([storage_key(tensor) not in old for tensor in outputs])


def storage_key(tensor: Tensor) -> int:
    """The same number for two tensors in the same memory, as long as either is alive."""
    try:
        return storage_address(tensor.untyped_storage())
    except (NotImplementedError, RuntimeError):  # sparse and other tensors without one storage
        return id(tensor)


def mixes_devices(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    devices = {t.device.type for t in (*tensors_of(args), *tensors_of(tuple(kwargs.values())))}
    return len(devices) > 1 and "meta" in devices


def to_meta(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value if value.is_meta else value.to("meta")
    if isinstance(value, list | tuple):
        return type(value)([to_meta(item) for item in value])
    if isinstance(value, dict):
        return {key: to_meta(item) for key, item in value.items()}
    return value
