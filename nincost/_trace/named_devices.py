"""Takes `.cuda()` and `device="cuda"` in a model's forward for the device that its step is on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.amp.autocast_mode import autocast
from torch.overrides import TorchFunctionMode

_META = torch.device("meta")


class CudaIsMeta(TorchFunctionMode):
    """Puts on the meta device what is asked for on a CUDA device.

    It sees each call of torch, which costs time: only for a model that names the device.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is Tensor.cuda:
            return args[0].to(_META)
        args = tuple([_META if _is_cuda(one) else one for one in args])
        given = {name: _META if _is_cuda(one) else one for name, one in (kwargs or {}).items()}
        return func(*args, **given)


def _is_cuda(value: Any) -> bool:
    if type(value) is torch.device:
        return value.type == "cuda"
    return type(value) is str and value.partition(":")[0] == "cuda"


@contextlib.contextmanager
def autocast_of_meta() -> Iterator[None]:
    """Let this thread enter `torch.autocast(x.device.type)` for meta tensors: it does nothing."""
    original, thread = autocast.__init__, threading.get_ident()

    def make(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        if device_type == "meta" and threading.get_ident() == thread:
            original(self, "cpu", enabled=False)
        else:
            original(self, device_type, *args, **kwargs)

    setattr(autocast, "__init__", make)  # noqa: B010 - a method
    try:
        yield
    finally:
        setattr(autocast, "__init__", original)  # noqa: B010 - a method
