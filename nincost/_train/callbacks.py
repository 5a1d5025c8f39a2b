"""What a training calls as it goes on, so that somebody can see its progress."""

from __future__ import annotations

from nincost._train.results import Epoch


class Callbacks:
    """Called at the points of a training that its methods name; these do nothing.

    Override what you need, and give an instance as `nincost.train(..., progress=...)`.
    """

    def on_epoch_begin(self, epoch: int, epochs: int, examples: int, done: int) -> None:
        """Before an epoch's steps.

        Args:
            epoch: from 1 on.
            epochs: how many the training has.
            examples: training examples of each epoch.
            done: those of this epoch that a resumed training has behind it; else 0.
        """

    def on_step_end(self, examples: int, loss: float | None) -> None:
        """After an optimizer step on a batch of `examples`.

        `loss` is the epoch's mean so far; None at steps that do not read it from the device.
        """

    def on_test_begin(self) -> None:
        """After an epoch's steps, before the test set is evaluated."""

    def on_epoch_end(self, row: Epoch) -> None:
        """After an epoch and its test."""

    def on_message(self, text: str) -> None:
        """A remark that the user should see at once."""

    def on_train_end(self) -> None:
        """The training is complete, or has failed."""
