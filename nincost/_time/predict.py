"""Predicts how long a step takes: recorded on meta, turned into kernels, timed, and queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nincost._devices.cards import Gpu
from nincost._memory.record import record
from nincost._step.request import Request
from nincost._time.compiled import compiled_operators_of
from nincost._time.kernels import Times, WorkTable, kernel_times
from nincost._time.operators import StepOperators, operators_of
from nincost._time.parameters import Parameters, fitted_parameters
from nincost._time.peaks import peak_of
from nincost._time.queue import Queue, run_queue
from nincost._time.work.kinds import Bound, Precision
from nincost._trace.recording import Recording


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """A step's operators, what their kernels take, and how they run.

    `of_operator` has for each operator its seconds on the card. `compiled`: by torch.compile.
    """

    request: Request
    recording: Recording
    operators: StepOperators
    times: Times
    of_operator: list[float]
    queue: Queue
    parameters: Parameters
    compiled: bool = False

    @property
    def seconds(self) -> float:
        """Of one step."""
        return self.queue.seconds

    @property
    def examples(self) -> int:
        """That one step sees."""
        step = self.request.step
        return self.recording.batch_size * (1 if step.inference else step.grad_accumulation)

    @property
    def examples_per_second(self) -> float:
        """Of steps one after another."""
        return self.examples / self.seconds if self.seconds else 0.0

    @property
    def by_bound(self) -> dict[Bound, float]:
        """The step's seconds by what each part waits for."""
        found: dict[Bound, float] = {
            "compute": 0.0,
            "memory": 0.0,
            "host": 0.0,
            "communication": 0.0,
        }
        for one, span in zip(self.operators.launched, self.queue.spans, strict=True):
            found["host"] += span.waited
            for work in one.works:
                found[self.bound(work)] += float(self.times.seconds[work])
        return found

    def bound(self, work: int) -> Bound:
        """Whether a kernel waits for arithmetic or for memory."""
        return "compute" if self.times.compute[work] > self.times.memory[work] else "memory"


def predict_time(request: Request, *, compiled: bool = False) -> Timing:
    """Record a step and time it on the request's card."""
    recording = record(request.step, request.target())
    return time_recording(request, recording, compiled=compiled)


def time_recording(request: Request, recording: Recording, *, compiled: bool = False) -> Timing:
    """Time a recorded step on the request's card, `compiled` as by torch.compile."""
    operators = (compiled_operators_of if compiled else operators_of)(recording, request.target())
    found = _timed(request, recording, operators, request.card.gpu, fitted_parameters())
    return replace(found, compiled=compiled)


def _timed(
    request: Request,
    recording: Recording,
    operators: StepOperators,
    gpu: Gpu,
    parameters: Parameters,
) -> Timing:
    times = kernel_times(WorkTable.of(operators.works), gpu, parameters)
    each = times.seconds.tolist()
    on_card = [sum(each[work] for work in one.works) for one in operators.launched]
    kernels = [sum(operators.works[work].launches for work in one.works)
               for one in operators.launched]  # fmt: skip
    queue = run_queue(operators.launched, on_card, kernels, parameters.host)
    return Timing(request, recording, operators, times, on_card, queue, parameters)


def timed_with(timing: Timing, parameters: Parameters) -> Timing:
    """The same step by other parameters."""
    found = _timed(
        timing.request, timing.recording, timing.operators, timing.request.card.gpu, parameters
    )
    return replace(found, compiled=timing.compiled)


def hangs_on(timing: Timing, by: float = 0.1) -> Mapping[str, float]:
    """Percent by which the step gets shorter where a figure is 10% better.

    None makes it longer: what lies below 0 is the rounding of sums.
    """
    gpu, parameters, more = timing.request.card.gpu, timing.parameters, 1 + by
    peaks = {
        name: getattr(gpu, name) * more
        for name in ("fp32_flops", "tf32_flops", "fp16_flops", "bf16_flops")
    }
    host = parameters.host
    quicker = replace(
        parameters,
        host=replace(host, **{name: getattr(host, name) / more for name in host.__slots__}),
    )
    cases = {
        "memory bandwidth": (replace(gpu, bandwidth=gpu.bandwidth * more), parameters),
        "arithmetic peak": (
            replace(gpu, sm_clock_khz=round(gpu.sm_clock_khz * more), **peaks), parameters,
        ),
        "host": (gpu, quicker),
    }  # fmt: skip
    found = {}
    for name, (card, changed) in cases.items():
        other = _timed(timing.request, timing.recording, timing.operators, card, changed)
        shorter = 100 * (1 - other.seconds / timing.seconds) if timing.seconds else 0.0
        found[name] = max(0.0, shorter)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def peak_flops(timing: Timing) -> float:
    """The peak of the precision in which most of the step's contractions run."""
    flops: dict[Precision, int] = {"float32": 0}
    for one in timing.operators.launched:
        for number in one.works:
            work = timing.operators.works[number]
            flops[work.precision] = flops.get(work.precision, 0) + work.flops
    return peak_of(timing.request.card.gpu, max(flops, key=lambda name: flops[name])).flops
