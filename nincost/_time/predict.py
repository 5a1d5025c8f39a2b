"""Predicts how long a step takes: recorded on meta, turned into kernels, timed, and queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nincost._devices.cards import Gpu
from nincost._memory.record import record
from nincost._step.parallel import Parallel
from nincost._step.request import Request
from nincost._time.compiled import compiled_operators_of
from nincost._time.kernels import Times, WorkTable, kernel_times
from nincost._time.operators import Launched, StepOperators, operators_of
from nincost._time.parameters import Parameters, fitted_parameters
from nincost._time.peaks import peak_of
from nincost._time.queue import Beside, Queue, run_queue
from nincost._time.ranks.links import Links, usual_links
from nincost._time.ranks.spread import Spread, as_on_a_rank, check_timed, spread_over
from nincost._time.work.kinds import Bound, Precision
from nincost._trace.recording import Recording


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """A step's operators, what their kernels take, and how they run.

    `of_operator` has for each operator its seconds on the card. `compiled`: by torch.compile.
    `spread`: over which ranks; None for one.
    """

    request: Request
    recording: Recording
    operators: StepOperators
    times: Times
    of_operator: list[float]
    queue: Queue
    parameters: Parameters
    compiled: bool = False
    spread: Spread | None = None

    @property
    def seconds(self) -> float:
        """Of one step."""
        return self.queue.seconds

    @property
    def examples(self) -> int:
        """That one step sees, on all ranks."""
        step = self.request.step
        ranks = self.spread.parallel.data if self.spread else 1
        return ranks * self.recording.batch_size * (1 if step.inference else step.grad_accumulation)

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
            found["communication"] += span.communicated
            for work in one.works:
                found[self.bound(work)] += self.share(one) * float(self.times.seconds[work])
        return found

    def share(self, one: Launched) -> float:
        """Of an operator's work, what this rank does."""
        return self.spread.share(one) if self.spread else 1.0

    def bound(self, work: int) -> Bound:
        """Whether a kernel waits for arithmetic or for memory."""
        return "compute" if self.times.compute[work] > self.times.memory[work] else "memory"


def predict_time(
    request: Request, *, compiled: bool = False, parallel: Parallel | None = None,
    links: Links | None = None,
) -> Timing:  # fmt: skip
    """Record a step and time it on the request's card, or on each of several.

    Args:
        compiled: as by torch.compile.
        parallel: how the step is spread over ranks; None for one.
        links: how these are joined; as such cards commonly are where None.

    Raises:
        InputError: no time is known of such ranks.
    """
    on_rank = request
    if parallel is not None:
        check_timed(parallel)
        on_rank = as_on_a_rank(request, parallel)
    recording = record(on_rank.step, on_rank.target())
    return time_recording(request, recording, compiled=compiled, parallel=parallel, links=links)


def time_recording(
    request: Request, recording: Recording, *, compiled: bool = False,
    parallel: Parallel | None = None, links: Links | None = None,
) -> Timing:  # fmt: skip
    """Time a recorded step; of several ranks what `as_on_a_rank` has of it. As `predict_time`."""
    operators = (compiled_operators_of if compiled else operators_of)(recording, request.target())
    gpu = request.card.gpu
    spread = None
    if parallel is not None and parallel.ranks > 1:
        joined = links or usual_links(gpu, parallel.ranks_per_node)
        spread = spread_over(request, parallel, joined, operators, gpu)
    found = _timed(request, recording, operators, gpu, fitted_parameters(), spread)
    return replace(found, compiled=compiled)


def _timed(
    request: Request,
    recording: Recording,
    operators: StepOperators,
    gpu: Gpu,
    parameters: Parameters,
    spread: Spread | None = None,
) -> Timing:
    times = kernel_times(WorkTable.of(operators.works), gpu, parameters)
    each = times.seconds.tolist()
    on_card = [
        sum(each[work] for work in one.works) * (spread.share(one) if spread else 1.0)
        for one in operators.launched
    ]
    kernels = [sum(operators.works[work].launches for work in one.works)
               for one in operators.launched]  # fmt: skip
    beside = spread.beside if spread else Beside()
    queue = run_queue(operators.launched, on_card, kernels, parameters.host, beside)
    return Timing(request, recording, operators, times, on_card, queue, parameters, spread=spread)


def timed_with(timing: Timing, parameters: Parameters) -> Timing:
    """The same step by other parameters."""
    found = _timed(
        timing.request, timing.recording, timing.operators, timing.request.card.gpu, parameters,
        timing.spread,
    )  # fmt: skip
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
    spread = timing.spread
    cases = {
        "memory bandwidth": (replace(gpu, bandwidth=gpu.bandwidth * more), parameters, spread),
        "arithmetic peak": (
            replace(gpu, sm_clock_khz=round(gpu.sm_clock_khz * more), **peaks), parameters, spread,
        ),
        "host": (gpu, quicker, spread),
    }  # fmt: skip
    if spread is not None:
        cases["links"] = gpu, parameters, spread.quicker(more)
    found = {}
    for name, (card, changed, ranks) in cases.items():
        other = _timed(timing.request, timing.recording, timing.operators, card, changed, ranks)
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
