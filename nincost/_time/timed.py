"""Operators in the order in which they are launched, timed on a card: kernels, then the queue."""

from __future__ import annotations

from dataclasses import dataclass

from nincost._devices.cards import Gpu
from nincost._time.kernels import Times, WorkTable, kernel_times
from nincost._time.operators import Launched, StepOperators
from nincost._time.parameters import Parameters
from nincost._time.peaks import peak_of
from nincost._time.queue import Beside, Queue, run_queue
from nincost._time.ranks.links import copy_seconds
from nincost._time.work.kinds import Bound, Precision


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """A step's operators, what their kernels take, and how they run.

    Attributes:
        of_operator: of each operator its seconds on the card.
        beside: what the card sends and receives meanwhile.
        optimizer_share: seconds of the optimizer's kernels, as a share of those that were recorded.
        graph: launched at once, as by a CUDA graph.
    """

    gpu: Gpu
    operators: StepOperators
    times: Times
    of_operator: list[float]
    queue: Queue
    parameters: Parameters
    beside: Beside
    optimizer_share: float
    graph: bool

    @property
    def seconds(self) -> float:
        """Of one step."""
        return self.queue.seconds

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
            found["communication"] += span.communicated + copy_seconds(self.gpu, one.copied)
            for work in one.works:
                found[self.bound(work)] += self.share(one) * float(self.times.seconds[work])
        return found

    @property
    def bound_by(self) -> Bound:
        """What most of the step's seconds go to."""
        by_bound = self.by_bound
        return max(by_bound, key=lambda name: by_bound[name])

    def share(self, one: Launched) -> float:
        """Of an operator's work, what this rank does."""
        return self.optimizer_share if one.phase == "step" else 1.0

    def bound(self, work: int) -> Bound:
        """Whether a kernel waits for arithmetic or for memory."""
        return "compute" if self.times.compute[work] > self.times.memory[work] else "memory"

    def again(
        self, *, gpu: Gpu | None = None, parameters: Parameters | None = None,
        beside: Beside | None = None,
    ) -> Timed:  # fmt: skip
        """The same step on another card, by other parameters, or with other collectives."""
        return time_operators(
            self.operators, gpu or self.gpu, parameters or self.parameters, beside or self.beside,
            optimizer_share=self.optimizer_share, graph=self.graph,
        )  # fmt: skip


def kernels_of(operators: StepOperators) -> list[int]:
    """How many each operator launches."""
    works = operators.works
    return [
        sum(works[work].launches for work in one.works) + bool(one.copied)
        for one in operators.launched
    ]


def time_operators(
    operators: StepOperators, gpu: Gpu, parameters: Parameters, beside: Beside = Beside(), *,
    optimizer_share: float = 1.0, graph: bool = False,
) -> Timed:  # fmt: skip
    """Time a step's operators on a card; arguments as `Timed` has them."""
    times = kernel_times(WorkTable.of(operators.works), gpu, parameters)
    each = times.seconds.tolist()
    on_card = [
        sum(each[work] for work in one.works) * (optimizer_share if one.phase == "step" else 1.0)
        + copy_seconds(gpu, one.copied)
        for one in operators.launched
    ]
    queue = run_queue(
        operators.launched, on_card, kernels_of(operators), parameters.host, beside, graph=graph
    )
    return Timed(
        gpu, operators, times, on_card, queue, parameters, beside, optimizer_share, graph
    )  # fmt: skip


def peak_flops(timed: Timed) -> float:
    """The peak of the precision in which most of the step's contractions run."""
    flops: dict[Precision, int] = {"float32": 0}
    for one in timed.operators.launched:
        for number in one.works:
            work = timed.operators.works[number]
            flops[work.precision] = flops.get(work.precision, 0) + work.flops
    return peak_of(timed.gpu, max(flops, key=lambda name: flops[name])).flops
