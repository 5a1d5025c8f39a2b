"""What an epoch sums up while it runs: on the device, so that no step waits for a number."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from nincost._train.distributed import Ranks

#: A step that no epoch has: the loss has been finite so far.
NEVER = 2**53


class Metrics:
    """Sums over the steps of an epoch, of this rank's rows.

    Attributes:
        loss: the sum of the examples' losses, a scalar tensor on the device.
        correct: how many examples were classified correctly, likewise.
        first_nonfinite: the first step whose loss was NaN or infinite, likewise; `NEVER` where
            none was.
        examples: examples of all ranks.
        seconds: wall time between `start` and `stop`.
        loading_seconds: the part of it in which batches were made.
    """

    def __init__(self, device: torch.device, state: Mapping[str, Any] | None = None) -> None:
        """Sums of zero, or those of `state_dict`."""
        state = state or {}
        wide = torch.float32 if device.type == "mps" else torch.float64
        self.loss = torch.tensor(state.get("loss", 0.0), dtype=wide, device=device)
        self.correct = torch.tensor(state.get("correct", 0), device=device)
        self.first_nonfinite = torch.tensor(NEVER, device=device)
        self.examples: int = state.get("examples", 0)
        self.seconds: float = state.get("seconds", 0.0)
        self.loading_seconds: float = state.get("loading_seconds", 0.0)
        self._device = device
        self._started: float | None = None
        self._events: list[tuple[Any, Any]] = []

    def add(self, step: int, loss: Tensor, scores: Tensor, labels: Tensor, batch: int) -> None:
        """Add a step.

        Args:
            step: its number in the epoch, from 0 on.
            loss: the sum of the losses of this rank's rows, a scalar.
            scores, labels: of this rank's rows, `[rows, classes]` and `[rows]`.
            batch: examples of all ranks' rows together.
        """
        loss = loss.detach()
        self.loss += loss
        self.correct += (scores.detach().argmax(1) == labels).sum()
        finite = torch.isfinite(loss)
        self.first_nonfinite = torch.where(
            finite, self.first_nonfinite, self.first_nonfinite.clamp(max=step)
        )
        self.examples += batch

    def totals(self, ranks: Ranks) -> tuple[float, int]:
        """The sum of losses and the number of correct examples over all ranks."""
        both = torch.stack([self.loss, self.correct.to(self.loss.dtype)])
        loss, correct = ranks.all_reduce(both, "sum").tolist()
        return loss, round(correct)

    def start(self) -> None:
        """Start the clock."""
        self._synchronize()
        self._started = time.perf_counter()

    def stop(self) -> None:
        """Add the time since `start`, once the device has done all that was launched."""
        if self._started is None:
            return
        self._synchronize()
        self.seconds += time.perf_counter() - self._started
        self._started = None
        milliseconds = sum(begin.elapsed_time(end) for begin, end in self._events)
        self.loading_seconds += milliseconds / 1000
        self._events.clear()

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Time the making of a batch: by the GPU's own clock where there is one."""
        if self._device.type != "cuda":
            started = time.perf_counter()
            yield
            self.loading_seconds += time.perf_counter() - started
            return
        event: Any = torch.cuda.Event
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record()
        yield
        end.record()
        self._events.append((begin, end))

    def state_dict(self, ranks: Ranks) -> dict[str, Any]:
        """The sums over all ranks as plain values, for a checkpoint."""
        loss, correct = self.totals(ranks)
        return {
            "loss": loss, "correct": correct, "examples": self.examples,
            "seconds": self.seconds, "loading_seconds": self.loading_seconds,
        }  # fmt: skip

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
