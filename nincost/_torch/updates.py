"""torch's compiler kept out of optimizers, and meta tensors let into them."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from nincost._torch.names import missing

#: torch's compiler, which takes 1.5 s to import and leaves frames in cycles.
COMPILER = "torch._dynamo"


def import_compiler() -> None:
    """Import torch's compiler now, where no frame on the stack holds a tensor."""
    importlib.import_module(COMPILER)


@contextlib.contextmanager
def without_compiler() -> Iterator[None]:
    """Let optimizers' methods run without importing torch's compiler.

    Those in `torch._disable_dynamo` keep what they call in an attribute of the function,
    `__dynamo_disable`; it is set here and taken away again.
    """
    methods: list[Any] = [torch.optim.Optimizer.add_param_group, torch.optim.Optimizer.zero_grad]
    functions = [inspect.unwrap(method) for method in methods]
    name = "__dynamo_disable"
    mine = [f for f in functions if COMPILER not in sys.modules and not hasattr(f, name)]
    for function in mine:
        setattr(function, name, function)
    try:
        yield
    finally:
        for function in mine:
            delattr(function, name)


#: Functions of torch that list the devices on which a fast way works.
_ADDED = {
    "fused": ("_get_fused_kernels_supported_devices", "_get_capturable_supported_devices"),
    "foreach": ("_get_foreach_kernels_supported_devices",),
}


@contextlib.contextmanager
def taking_meta(way: str) -> Iterator[None]:
    """Let torch believe that meta tensors can be worked on as CUDA's are.

    Args:
        way: `fused` for optimizers' fused kernels, and for their steps in a CUDA graph; `foreach`
            for lists of gradients in `torch.nn.utils.clip_grad_norm_`.
    """
    home = "torch.optim" if way == "fused" else "torch.utils._foreach_utils"
    replaced = [
        (module, name, getattr(module, name))
        for key, module in list(sys.modules.items())
        if key == home or key.startswith(f"{home}.")
        for name in _ADDED[way]
        if hasattr(module, name)
    ]
    if not replaced:
        raise missing(f"{home}'s {_ADDED[way][0]}", "update parameters on meta as on CUDA")
    for module, name, original in replaced:
        setattr(module, name, _with_meta(original))
    try:
        yield
    finally:
        for module, name, original in replaced:
            setattr(module, name, original)


def _with_meta(devices: Callable[..., list[str]]) -> Callable[..., list[str]]:
    return lambda *args, **kwargs: [*devices(*args, **kwargs), "meta"]


def scaler_state(scaler: torch.amp.GradScaler) -> list[Tensor]:
    """A gradient scaler's own tensors: `_scale` and `_growth_tracker`, once it has been used."""
    names = ("_scale", "_growth_tracker")
    if not all(hasattr(scaler, name) for name in names):
        raise missing("torch.amp.GradScaler._scale", "count what a gradient scaler keeps")
    return [kept for name in names if (kept := getattr(scaler, name)) is not None]
