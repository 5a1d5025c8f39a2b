"""Timing, on the CPU, by a clock of the test's own."""

from __future__ import annotations

import contextlib

import torch

from nincost._measure.timed_steps import time_steps
from nincost._models.sources import resolve
from nincost._step.step_options import Step


class CountingClock:
    """Each mark comes a second after the one before; notes in which order it was asked."""

    device = torch.device("cpu")

    def __init__(self):
        self.calls: list[str] = []

    def mark(self):
        self.calls.append("mark")
        return self.calls.count("mark")

    def seconds(self, begin, end):
        return float(end - begin)

    def synchronize(self):
        self.calls.append("synchronize")

    def peaks(self):
        self.calls.append("peaks")
        return 7, 9


def step(**options):
    return Step(resolve("cifar10", {}), input="3x32x32", batch_size=2, **options)


def test_steps_are_timed_from_begin_to_begin_and_by_phase():
    clock = CountingClock()
    timed = time_steps(step(), clock, limit=0, warm=2, least=3)
    # Marks of a step: begin, forward, loss, zero_grad, backward, step, end.
    assert timed.seconds == (7.0, 7.0, 7.0)
    assert timed.phases == {
        "forward": 1.0, "loss": 1.0, "zero_grad": 1.0, "backward": 1.0, "step": 1.0,
    }  # fmt: skip
    assert timed.step_seconds == 7.0
    assert (timed.peak_allocated_bytes, timed.peak_reserved_bytes) == (7, 9)
    assert timed.host_seconds > 0
    # Two warm-up steps, and the begin of the first that is timed; then the end of all.
    assert clock.calls.count("synchronize") == 4


def test_accumulated_parts_are_one_steps():
    timed = time_steps(step(grad_accumulation=2), CountingClock(), limit=0, warm=1, least=2)
    assert timed.phases["forward"] == timed.phases["backward"] == 2.0
    assert timed.seconds == (10.0, 10.0)


def test_one_more_step_runs_in_the_callers_context():
    clock = CountingClock()

    @contextlib.contextmanager
    def last():
        clock.calls.append("enter")
        yield
        clock.calls.append("leave")

    timed = time_steps(step(inference=True), clock, limit=0, warm=1, least=2, last=last)
    assert timed.phases == {"forward": 1.0}
    assert clock.calls[-4:] == ["peaks", "enter", "synchronize", "leave"]
