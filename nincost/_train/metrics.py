"""What an epoch adds up while it runs: sums on the device, so that no step waits for a number."""

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
    """Sums over an epoch's steps of this rank, and where its loss was first no number."""

    def __init__(self, device: torch.device, kept: Mapping[str, Any] | None = None) -> None:
        kept = kept or {}
        wide = torch.float32 if device.type == "mps" else torch.float64
        self.loss = torch.tensor(kept.get("loss", 0.0), dtype=wide, device=device)
        self.correct = torch.tensor(kept.get("correct", 0), device=device)
        self.bad = torch.tensor(NEVER, device=device)
        self.examples: int = kept.get("examples", 0)
        self.seconds: float = kept.get("seconds", 0.0)
        self.loading: float = kept.get("loading", 0.0)
        self._device = device
        self._began: float | None = None
        self._events: list[tuple[Any, Any]] = []

    def add(self, step: int, loss: Tensor, scores: Tensor, labels: Tensor, batch: int) -> None:
        """Add this rank's rows of a global batch of `batch` examples; `loss` is their sum.

        The first step whose loss is not finite is noted in `bad`.
        """
        loss = loss.detach()
        self.loss += loss
        self.correct += (scores.detach().argmax(1) == labels).sum()
        self.bad = torch.where(torch.isfinite(loss), self.bad, self.bad.clamp(max=step))
        self.examples += batch

    def totals(self, ranks: Ranks) -> tuple[float, int]:
        """The sum of losses and the right answers over all ranks, and those kept from before."""
        both = ranks.summed(torch.stack([self.loss, self.correct.to(self.loss.dtype)]))
        loss, correct = both.tolist()
        return loss, round(correct)

    def start(self) -> None:
        """Time runs from here."""
        self._synchronize()
        self._began = time.perf_counter()

    def stop(self) -> None:
        """Add the time since `start`, once the device has done all that it was given."""
        if self._began is None:
            return
        self._synchronize()
        self.seconds += time.perf_counter() - self._began
        self._began = None
        self.loading += sum(begin.elapsed_time(end) for begin, end in self._events) / 1000
        self._events.clear()

    @contextmanager
    def making_a_batch(self) -> Iterator[None]:
        """What happens within is loading: timed by the GPU's own clock where there is one."""
        if self._device.type != "cuda":
            began = time.perf_counter()
            yield
            self.loading += time.perf_counter() - began
            return
        event: Any = torch.cuda.Event
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record()
        yield
        end.record()
        self._events.append((begin, end))

    def kept(self, ranks: Ranks) -> dict[str, Any]:
        """The sums over all ranks as plain values, for a checkpoint."""
        loss, correct = self.totals(ranks)
        return {
            "loss": loss, "correct": correct, "examples": self.examples,
            "seconds": self.seconds, "loading": self.loading,
        }  # fmt: skip

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
