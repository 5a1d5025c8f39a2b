"""Trainings of a second on generated data, and callbacks that record them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nincost._train.callbacks import Callbacks
from nincost._train.data import synthetic
from nincost._train.results import Epoch, Training
from nincost._train.train import train

TINY = f"{Path(__file__).with_name('tiny_net.py')}:Tiny"
SMALL: dict[str, Any] = {
    "resize": 28, "batch_size": 32, "optimizer": "Adam", "lr": 0.01, "limit": 250,
    "test_limit": 100, "epochs": 2, "device": "cpu",
}  # fmt: skip
MADE_UP = synthetic(300, 100)


def small(**changes: Any) -> Training:
    return train(**{"model": TINY, "data": MADE_UP, **SMALL, **changes})


def figures(result: Training) -> list[tuple[float, ...]]:
    """All that does not depend on the clock."""
    return [
        (row.train_loss, row.train_accuracy, row.test_loss, row.test_accuracy, row.examples)
        for row in result.epochs
    ]


def weights(result: Training) -> dict[str, torch.Tensor]:
    assert result.module is not None
    return result.module.state_dict()


def same(one: Training, two: Training) -> None:
    assert figures(one) == figures(two)
    left, right = weights(one), weights(two)
    assert list(left) == list(right)
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


class RecordingCallbacks(Callbacks):
    """Records what it is called with, and runs an action at a step."""

    def __init__(self, at: int = -1, action: Any = None) -> None:
        self.messages: list[str] = []
        self.rows: list[Epoch] = []
        self.steps, self.closed = 0, 0
        self.at, self.action = at, action

    def on_step_end(self, examples: int, loss: float | None) -> None:
        self.steps += 1
        if self.steps == self.at:
            self.action()

    def on_epoch_end(self, row: Epoch) -> None:
        self.rows.append(row)

    def on_message(self, text: str) -> None:
        self.messages.append(text)

    def on_train_end(self) -> None:
        self.closed += 1
