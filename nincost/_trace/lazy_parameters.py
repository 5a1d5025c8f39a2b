"""Lazy modules, whose parameters have no shape until they have run once."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from nincost._torch.operators import DispatchMode
from nincost._trace.recorder import Recorder


def is_lazy_module(module: nn.Module) -> bool:
    """Whether some of its parameters or buffers have no shape yet."""
    return any(is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers()))


class AroundLazyParameters(DispatchMode):
    """A recorder, but for what is done with a parameter that has no shape to be recorded yet."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if any(is_lazy(arg) for arg in args):
            return func(*args, **(kwargs or {}))
        return self._recorder.__torch_dispatch__(func, types, args, kwargs)
