"""Times real steps: warmed up, by the device's own events, with the phases of each.

Used where a step is to be timed in this process; `measured_run` measures memory in a fresh one.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nincost._measure.real_steps import run_real_steps
from nincost._result import plain
from nincost._step.silent_observer import SilentObserver
from nincost._step.step_options import Step
from nincost._trace.recording import Phase

#: More steps than any time limit lets run: the timer ends them.
MANY = 10_000


class Clock(Protocol):
    """What marks moments of a device's queue."""

    device: torch.device

    def mark(self) -> Any:
        """A moment: when all that was launched so far has run."""
        ...

    def seconds(self, begin: Any, end: Any) -> float:
        """Between two marks that have passed."""
        ...

    def synchronize(self) -> None:
        """Wait until all that was launched has run."""
        ...

    def peaks(self) -> tuple[int, int]:
        """Most bytes allocated and reserved so far."""
        ...


class CudaClock:
    """Events on the current stream of a GPU."""

    def __init__(self) -> None:
        self.device = torch.device("cuda", torch.cuda.current_device())

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()  # type: ignore[no-untyped-call]
        return event

    def seconds(self, begin: torch.cuda.Event, end: torch.cuda.Event) -> float:
        return float(begin.elapsed_time(end)) / 1000  # type: ignore[no-untyped-call]

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def peaks(self) -> tuple[int, int]:
        return torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


@dataclass(frozen=True, slots=True)
class TimedSteps:
    """What a timing gives, in seconds and bytes.

    Attributes:
        seconds: of each timed step, from its begin to the next one's.
        phases: the median of each phase.
        host_seconds: the median time in which the host launches a step, with an empty queue before
            it; near `seconds` or above, the host is what bounds the step.
        peak_allocated_bytes, peak_reserved_bytes: of warm-up and timed steps.
    """

    seconds: tuple[float, ...]
    phases: Mapping[str, float]
    host_seconds: float
    peak_allocated_bytes: int
    peak_reserved_bytes: int

    @property
    def step_seconds(self) -> float:
        """The median step."""
        return median(self.seconds)

    def to_dict(self) -> dict[str, Any]:
        return {"step_seconds": self.step_seconds, **plain(self)}


def time_steps(
    step: Step,
    clock: Clock,
    *,
    limit: float = 1.0,
    warm: int = 5,
    least: int = 5,
    last: Callable[[], contextlib.AbstractContextManager[Any]] | None = None,
) -> TimedSteps:
    """Run a step until `limit` seconds have passed, and time it.

    Args:
        step: what to run; how many steps it says is not looked at.
        clock: the device's.
        limit: seconds of timed steps, as the host sees them; at least `least` steps are timed.
        warm: steps before, each with an empty queue: what libraries choose and load is chosen then.
        last: makes a context in which one more step is run after the timed ones, such as a
            profiler.
    """
    timer = _StepTimer(clock, limit, warm, least, last)
    with contextlib.suppress(_EnoughError), timer.open:
        run_real_steps(replace(step, steps=MANY), clock.device, timer)
    return timer.result()


class _EnoughError(Exception):
    """Ends the loop of steps; no error of anyone's."""


class _StepTimer(SilentObserver):
    """Observes steps: warm-up, then timed ones, then one in a context of the caller's."""

    def __init__(
        self,
        clock: Clock,
        limit: float,
        warm: int,
        least: int,
        last: Callable[[], contextlib.AbstractContextManager[Any]] | None,
    ) -> None:
        self.open = contextlib.ExitStack()
        self._clock = clock
        self._limit = limit
        self._warm = warm
        self._least = least
        self._last = last
        self._begun: float = 0.0  # by the host's clock: of a warm-up step, then of the timed ones
        self._launches: list[float] = []
        self._marks: list[tuple[str, Any]] = []  # of timed steps: the phase that begins
        self._timed = 0
        self._peaks: tuple[int, int] | None = None  # known once the timed steps are over

    def step_begins(self, number: int) -> None:
        if number <= self._warm + 1:
            self._clock.synchronize()
            self._begun = time.perf_counter()
        if number <= self._warm:
            return
        if self._peaks is not None:
            self._clock.synchronize()
            self.open.close()
            raise _EnoughError
        self._marks.append(("begin", self._clock.mark()))
        if self._timed < self._least or time.perf_counter() - self._begun < self._limit:
            self._timed += 1
            return
        self._clock.synchronize()
        self._peaks = self._clock.peaks()
        if self._last is None:
            raise _EnoughError
        self.open.enter_context(self._last())

    def phase_begins(self, phase: Phase, number: int) -> None:
        if number <= self._warm:
            if phase == "end":
                self._launches.append(time.perf_counter() - self._begun)
        elif self._peaks is None:
            self._marks.append((phase, self._clock.mark()))

    def result(self) -> TimedSteps:
        """What was timed."""
        begins = [mark for name, mark in self._marks if name == "begin"]
        phases: list[dict[str, float]] = []  # of each step
        for (name, begin), (_, end) in itertools.pairwise(self._marks):
            if name == "begin":
                phases.append(defaultdict(float))
            elif name != "end":
                phases[-1][name] += self._clock.seconds(begin, end)
        return TimedSteps(
            tuple(self._clock.seconds(a, b) for a, b in itertools.pairwise(begins)),
            {name: median(step[name] for step in phases) for name in phases[0]},
            # The first step makes the optimizer's state and loads kernels.
            median(self._launches[1:] or self._launches),
            *(self._peaks or self._clock.peaks()),
        )

    def model_placing(self) -> None: ...

    def model_placed(self, module: nn.Module) -> None: ...

    def inputs_placed(self, tensors: Iterable[Tensor]) -> None: ...
