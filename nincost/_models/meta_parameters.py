"""Builds a module on the CPU while its parameters and buffers go to the meta device."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules import module as registry


@contextlib.contextmanager
def parameters_on_meta() -> Iterator[None]:
    """Move each parameter and buffer to meta when a module registers it.

    For constructors that compute with real tensors (`torch.linspace(...).tolist()`), and so fail
    under `torch.device("meta")`. A parameter's memory lives until it is registered and is not
    touched, since initialization finds it on meta. Modules made by other threads are left alone.
    """
    thread = threading.get_ident()

    def parameter(_module: nn.Module, _name: str, value: nn.Parameter) -> nn.Parameter | None:
        if value is None or value.is_meta or threading.get_ident() != thread:
            return None
        return nn.Parameter(torch.empty_like(value, device="meta"), value.requires_grad)

    def buffer(_module: nn.Module, _name: str, value: torch.Tensor) -> torch.Tensor | None:
        if value is None or value.is_meta or threading.get_ident() != thread:
            return None
        return torch.empty_like(value, device="meta")

    hooks = [
        registry.register_module_parameter_registration_hook(parameter),  # type: ignore[arg-type]
        registry.register_module_buffer_registration_hook(buffer),  # type: ignore[arg-type]
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
