"""Notes nothing of a step: what observers of a few moments are made from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from nincost._trace.recording import Phase


class SilentObserver:
    """A `StepObserver` to whom nothing matters."""

    def operators(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def optimizer_made(self, state: Iterable[Tensor]) -> None: ...

    def step_begins(self, number: int) -> None: ...

    def phase_begins(self, phase: Phase, number: int) -> None: ...

    def target_made(self, target: Tensor) -> None: ...

    def own_loss_found(self) -> None: ...

    def forward_ended(self) -> None: ...

    def backward_ended(self, gradients: Iterable[Tensor]) -> None: ...

    def optimizer_stepped(self, state: Iterable[Tensor]) -> None: ...

    def cache_held(self, tensors: Iterable[Tensor]) -> None: ...

    def steps_ended(self) -> None: ...
