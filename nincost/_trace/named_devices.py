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


class _Entered(threading.local):
    """How often this thread is inside `autocast_of_meta`."""

    depth = 0


_entered = _Entered()
_lock = threading.Lock()
_threads = 0
_original: Any = None


def _make(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
    if device_type == "meta" and _entered.depth:
        _original(self, "cpu", enabled=False)
    else:
        _original(self, device_type, *args, **kwargs)


@contextlib.contextmanager
def autocast_of_meta() -> Iterator[None]:
    """Let this thread enter `torch.autocast(x.device.type)` for meta tensors: it does nothing.

    The first thread inside changes `torch.autocast` and the last puts it back: what a recording
    puts over it meanwhile (`autocast_on_meta`) is inside of one of them.
    """
    global _threads, _original  # noqa: PLW0603
    with _lock:
        if _threads == 0:
            _original = autocast.__init__
            setattr(autocast, "__init__", _make)  # noqa: B010 - a method
        _threads += 1
    _entered.depth += 1
    try:
        yield
    finally:
        _entered.depth -= 1
        with _lock:
            _threads -= 1
            if _threads == 0:
                setattr(autocast, "__init__", _original)  # noqa: B010 - a method
