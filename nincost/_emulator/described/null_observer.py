"""An observer of a step that leaves all to those who watch the process, but for waiting."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from typing import Any

import torch.distributed as dist
from torch import Tensor

from nincost._emulator.observe.phases import WATCHDOG_SECONDS
from nincost._trace.recording import Phase


class NullObserver:
    """A `StepObserver` that notes nothing."""

    def operators(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def optimizer_made(self, state: Iterable[Tensor]) -> None: ...

    def step_begins(self, number: int) -> None:
        # NCCL's watchdog holds a step's tensors until it looks, every 100 ms.
        if number > 1 and dist.is_initialized():
            time.sleep(WATCHDOG_SECONDS)

    def phase_begins(self, phase: Phase, number: int) -> None: ...

    def target_made(self, target: Tensor) -> None: ...

    def own_loss_found(self) -> None: ...

    def forward_ended(self) -> None: ...

    def backward_ended(self, gradients: Iterable[Tensor]) -> None: ...

    def optimizer_stepped(self, state: Iterable[Tensor]) -> None: ...

    def cache_held(self, tensors: Iterable[Tensor]) -> None: ...

    def steps_ended(self) -> None: ...
