"""Who is told how far a training has come."""

from __future__ import annotations

from nincost._train.results import Epoch


class Callbacks:
    """Hears of a training's progress; this one does nothing with it. Override what you need."""

    def begin(self, epoch: int, epochs: int, examples: int, done: int) -> None:
        """An epoch (from 1 on) of `examples` begins, `done` of which were trained on before."""

    def step(self, examples: int, loss: float | None) -> None:
        """A step is over; `loss` is the epoch's mean so far, where it was looked at."""

    def testing(self) -> None:
        """The epoch's steps are over, and the test set is gone through."""

    def end(self, row: Epoch) -> None:
        """An epoch is over."""

    def say(self, text: str) -> None:
        """Something to tell at once."""

    def close(self) -> None:
        """The training is over, or has failed."""
