"""Who watches a step that is driven: a recording, a measurement, an emulated run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, Protocol

from torch import Tensor

from nincost._trace.recording import Phase


class StepObserver(Protocol):
    """Who records or measures a step. Methods are called as things happen.

    None may keep a reference to a tensor longer than its call lasts.
    """

    def operators(self) -> contextlib.AbstractContextManager[Any]:
        """Around each part of the step in which operators run."""
        ...

    def optimizer_made(self, state: Iterable[Tensor]) -> None:
        """The optimizer is there, with the state that its constructor makes."""
        ...

    def step_begins(self, number: int) -> None:
        """Step `number` begins, counted from 1."""
        ...

    def phase_begins(self, phase: Phase, number: int) -> None:
        """A phase of step `number` begins; in `end` its output and loss are still alive."""
        ...

    def target_made(self, target: Tensor) -> None:
        """The loss's target was made for the first output; it counts as an input."""
        ...

    def own_loss_found(self) -> None:
        """The model gives its own loss, and no other is taken on top."""
        ...

    def forward_ended(self) -> None:
        """Forward and loss have run: what is alive of their tensors is an activation."""
        ...

    def backward_ended(self, gradients: Iterable[Tensor]) -> None:
        """Backward has run; the gradients of the parameters."""
        ...

    def optimizer_stepped(self, state: Iterable[Tensor]) -> None:
        """The optimizer has stepped; the state that it and a gradient scaler keep."""
        ...

    def cache_held(self, tensors: Iterable[Tensor]) -> None:
        """A model that generates begins a token with these keys and values of those before."""
        ...

    def steps_ended(self) -> None:
        """All steps have run; what dies from now on, dies since nobody goes on."""
        ...
