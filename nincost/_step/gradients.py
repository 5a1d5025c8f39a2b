"""What a training loop does to gradients before the optimizer's step: unscale them, clip them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from nincost._step.optimizer import without_dynamo
from nincost._step.step import Step


def make_scaler(step: Step, device: str) -> torch.amp.GradScaler | None:
    """The step's `torch.amp.GradScaler`, or None where it has none.

    Its tensors are scalars: the scale and a counter, which it keeps, and a few that it drops. On
    `meta` nothing is ever found infinite, so that no step is left out.
    """
    return torch.amp.GradScaler(device) if step.scales_gradients else None


def clip_gradients(parameters: list[nn.Parameter], norm: float) -> None:
    """`torch.nn.utils.clip_grad_norm_` by lists, as CUDA tensors get it."""
    with torch.no_grad(), _lists_on_meta(), without_dynamo():
        torch.nn.utils.clip_grad_norm_(parameters, norm)


@contextlib.contextmanager
def _lists_on_meta() -> Iterator[None]:
    """Let torch believe that meta tensors can be worked on in lists, as CUDA's are."""
    module: Any = sys.modules["torch.utils._foreach_utils"]
    name = "_get_foreach_kernels_supported_devices"
    original = getattr(module, name)
    setattr(module, name, lambda: [*original(), "meta"])
    try:
        yield
    finally:
        setattr(module, name, original)
