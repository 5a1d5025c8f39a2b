"""How far a training has come, on stderr: a bar on a terminal, else a line for each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nincost._train.callbacks import Callbacks
from nincost._train.results import Epoch


def in_words(row: Epoch, epochs: int) -> str:
    """`epoch 1 of 10: train loss 2.1034, accuracy 0.2301; test loss ..., accuracy ...`."""
    return (
        f"epoch {row.epoch} of {epochs}: train loss {row.train_loss:.4f}, accuracy "
        f"{row.train_accuracy:.4f}; test loss {row.test_loss:.4f}, accuracy "
        f"{row.test_accuracy:.4f}; {row.examples_per_second:,.1f} examples/s"
    )


class Lines(Callbacks):
    """A line for each epoch and remark."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._epochs = 0

    def on_epoch_begin(self, epoch: int, epochs: int, examples: int, done: int) -> None:
        self._epochs = epochs

    def on_epoch_end(self, row: Epoch) -> None:
        self._say(in_words(row, self._epochs))

    def on_message(self, text: str) -> None:
        self._say(text)


class Bar(Callbacks):
    """A bar over all epochs, with the loss so far, examples per second and the time left."""

    def __init__(self, *, color: bool) -> None:
        self._console = Console(stderr=True, no_color=not color, highlight=False, markup=False)
        self._bar: Progress | None = None
        self._epochs = self._examples = 0
        self._began = self._done = 0.0

    def on_epoch_begin(self, epoch: int, epochs: int, examples: int, done: int) -> None:
        self._epochs, self._examples = epochs, examples
        if self._bar is None:
            self._bar = Progress(
                TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
                BarColumn(bar_width=20),
                TextColumn("{task.percentage:>3.0f}%  {task.fields[state]}"),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=self._console, transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task(
                "", total=epochs * examples, completed=(epoch - 1) * examples + done,
                epoch=epoch, epochs=epochs, state="",
            )  # fmt: skip
            self._bar.start()
        self._bar.update(self._task, epoch=epoch, completed=(epoch - 1) * examples + done)
        self._began, self._done = time.perf_counter(), 0

    def on_step_end(self, examples: int, loss: float | None) -> None:
        assert self._bar is not None
        self._done += examples
        self._bar.advance(self._task, examples)
        if loss is not None:
            rate = self._done / max(time.perf_counter() - self._began, 1e-9)
            self._bar.update(self._task, state=f"loss {loss:.4f}  {rate:,.1f} examples/s")

    def on_test_begin(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, state="testing")

    def on_epoch_end(self, row: Epoch) -> None:
        self._console.print(in_words(row, self._epochs))

    def on_message(self, text: str) -> None:
        self._console.print(f"nincost: {text}")

    def on_train_end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
