"""The fresh process that runs real steps: reads a job from stdin, prints one line of JSON.

Not imported by the rest of nincost. The steps are those of `record`, by the same driver; the
device is queried through a `DeviceMeter`, so that the same code runs in tests without a GPU.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nincost._allocator import AllocatorConfig
from nincost._devices.settings import Settings
from nincost._measure.device_meter import CudaMeter, DeviceMeter, shortfall
from nincost._measure.measured_parts import parts_at_peak
from nincost._measure.real_steps import run_real_steps, step_of
from nincost._measure.timed_steps import Clock, CudaClock, time_steps
from nincost._models.made_of_tensors import parts_of
from nincost._trace.recording import CATEGORIES, Phase


def run(job: Mapping[str, Any], meter: DeviceMeter, clock: Clock | None = None) -> dict[str, Any]:
    """Run the job's steps; an out-of-memory error is part of the result.

    Args:
        clock: what times the same steps afterwards, where the job has seconds for that.
    """
    step = step_of(job)
    measured = StepMeter(meter, AllocatorConfig.parse(job["alloc_conf"]), step.steps)
    Settings.from_dict(job["settings"]).apply()
    failure = ""
    try:
        run_real_steps(step, meter.device, measured)
    except torch.OutOfMemoryError as error:
        failure = str(error)
    measured.add_peak()
    answer = measured.to_dict(failure)
    if clock is not None and job.get("timed_seconds") and not failure:
        meter.forget()
        timed = time_steps(step, clock, limit=job["timed_seconds"])
        answer |= {"step_seconds": timed.step_seconds, "timed_steps": len(timed.seconds)}
    return answer


class StepMeter:
    """The `StepObserver` of a step on a real device: what it has measured so far.

    Args:
        meter: what the device is queried through.
        config: the allocator's settings, by which a history is replayed.
        last: the number of the step whose peak is taken apart.
    """

    def __init__(self, meter: DeviceMeter, config: AllocatorConfig, last: int) -> None:
        self.meter = meter
        self.after: dict[str, int | None] = {}
        self.peak = self.reserved = self.requested = 0
        self.peak_phase: Phase = "model"
        self.steps = 0
        self.parts: dict[str, int | None] = dict.fromkeys(CATEGORIES)
        self.replayed: int | None = None
        self._config = config
        self._last = last
        self._phase: Phase = "model"
        self._is_last = False
        self._began = 0  # entries of the history before the last step
        self._forward_ended: int | None = None
        self._module: nn.Module | None = None
        # Categories by address:
        self._inputs: dict[int, str] = {}
        self._state: dict[int, str] = {}
        self._cache: dict[int, str] = {}
        self._gradients: dict[int, str] = {}
        self._gradients_before: dict[int, str] = {}

    def model_placing(self) -> None:
        self.meter.record()

    def model_placed(self, module: nn.Module) -> None:
        """The module is on the device."""
        self._module = module
        self.after["after_model"] = self.meter.allocated()
        self.phase_begins("input", 0)

    def inputs_placed(self, tensors: Iterable[Tensor]) -> None:
        """The model's arguments and the loss's target are on the device."""
        self._inputs |= _addresses("inputs", tensors)

    def operators(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def optimizer_made(self, state: Iterable[Tensor]) -> None:
        self._state = _addresses("optimizer_state", state)

    def step_begins(self, number: int) -> None:
        self._is_last = number == self._last
        if self._is_last:
            self._began = self._entries()
            self._gradients_before = self._gradients

    def phase_begins(self, phase: Phase, number: int) -> None:
        self.add_peak()
        self._phase = phase
        if phase == "end":
            if self._is_last:
                self._take_apart()
            self.steps += 1

    def target_made(self, target: Tensor) -> None:
        self.inputs_placed([target])

    def own_loss_found(self) -> None:
        """Nothing is put on the device for it."""

    def forward_ended(self) -> None:
        self.after["after_forward"] = self.meter.allocated()
        if self._is_last:
            self._forward_ended = self._entries()

    def backward_ended(self, gradients: Iterable[Tensor]) -> None:
        self.after["after_backward"] = self.meter.allocated()
        self._gradients = _addresses("gradients", gradients)

    def optimizer_stepped(self, state: Iterable[Tensor]) -> None:
        self._state = _addresses("optimizer_state", state)
        self.after["after_step"] = self.meter.allocated()

    def cache_held(self, tensors: Iterable[Tensor]) -> None:
        self._cache = _addresses("kv_cache", tensors)

    def steps_ended(self) -> None:
        """What goes on is not measured."""

    def add_peak(self) -> None:
        """Take what the phase that ends has reached into account."""
        allocated, reserved, requested = self.meter.peaks()
        if allocated > self.peak:
            self.peak, self.peak_phase = allocated, self._phase
        self.reserved = max(self.reserved, reserved)
        self.requested = max(self.requested, requested)

    def _entries(self) -> int:
        """How long the allocator's history is by now."""
        return len(self.meter.history()["device_traces"][0])

    def _take_apart(self) -> None:
        assert self._module is not None
        categories = _addresses("parameters", self._module.parameters())
        categories |= _addresses("buffers", self._module.buffers())
        found = parts_at_peak(
            self.meter.history(),
            categories | self._gradients | self._state | self._inputs | self._cache,
            before=self._gradients_before,
            step_began=self._began,
            forward_ended=self._forward_ended,
            config=self._config,
        )
        self.parts, self.replayed = found.categories, found.reserved

    def to_dict(self, failure: str) -> dict[str, Any]:
        """What was measured, as plain values; `failure` is an out-of-memory error's text."""
        device, versions = self.meter.describe()
        return {
            "peak_allocated_bytes": self.peak,
            "peak_reserved_bytes": self.reserved,
            "peak_requested_bytes": self.requested or None,
            "replayed_reserved_bytes": self.replayed,
            "process_bytes": self.meter.process_bytes(),
            "peak_phase": self.peak_phase,
            "categories_at_peak": self.parts,
            "phases": self.after,
            "device": device,
            "versions": versions,
            "steps": self.steps,
            "out_of_memory": failure.strip().splitlines()[0] if failure.strip() else "",
            "shortfall_bytes": shortfall(failure),
        }


def _addresses(category: str, tensors: Iterable[Tensor]) -> dict[int, str]:
    parts = (part for tensor in tensors for part in parts_of(tensor))
    return {part.untyped_storage().data_ptr(): category for part in parts}


def answer_job(measure: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run the job on stdin, and write what it gave on stdout, or that it failed.

    Whatever the model prints goes to stderr.
    """
    job = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = measure(job)
        except Exception as error:
            text = str(error).strip().splitlines()
            answer = {"error": f"{type(error).__name__}: {text[0] if text else ''}"}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    answer_job(lambda job: run(job, CudaMeter(), CudaClock() if job.get("timed_seconds") else None))
