"""Predicts how long a step takes: recorded on meta, turned into kernels, timed, and queued."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nincost._memory.record import record
from nincost._step.parallel import Parallel
from nincost._step.request import Request
from nincost._time.compiled import compiled_operators_of
from nincost._time.operators import operators_of
from nincost._time.parameters import Parameters, fitted_parameters
from nincost._time.queue import Beside
from nincost._time.ranks.links import Links, usual_links
from nincost._time.ranks.spread import Spread, as_on_a_rank, spread_over, untimed
from nincost._time.timed import Timed, time_operators
from nincost._trace.recording import Recording


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """A step that was asked for, as it was recorded and timed.

    `compiled`: by torch.compile. `spread`: over which ranks; None for one.
    """

    request: Request
    recording: Recording
    timed: Timed
    compiled: bool = False
    spread: Spread | None = None

    @property
    def seconds(self) -> float:
        """Of one step."""
        return self.timed.seconds

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


def predict_time(
    request: Request, *, compiled: bool = False, parallel: Parallel | None = None,
    links: Links | None = None, graph: bool = False,
) -> Timing:  # fmt: skip
    """Record a step and time it on the request's card, or on each of several.

    Args:
        compiled: as by torch.compile; graph: launched at once, as by a CUDA graph.
        parallel: how the step is spread over ranks; None for one.
        links: how these are joined; as such cards commonly are where None.
    """
    on_rank = request
    if parallel is not None:
        assert not untimed(parallel)  # `_engines/ranks_time.py` has these
        on_rank = as_on_a_rank(request, parallel)
    recording = record(on_rank.step, on_rank.target())
    return time_recording(
        request, recording, compiled=compiled, parallel=parallel, links=links, graph=graph
    )


def time_recording(
    request: Request, recording: Recording, *, compiled: bool = False,
    parallel: Parallel | None = None, links: Links | None = None, graph: bool = False,
) -> Timing:  # fmt: skip
    """Time a recorded step; of several ranks what `as_on_a_rank` has of it. As `predict_time`."""
    operators = (compiled_operators_of if compiled else operators_of)(recording, request.target())
    gpu = request.card.gpu
    spread = None
    if parallel is not None and parallel.ranks > 1:
        joined = links or usual_links(gpu, parallel.ranks_per_node)
        spread = spread_over(request, parallel, joined, operators, gpu)
    timed = time_operators(
        operators, gpu, fitted_parameters(), spread.beside if spread else Beside(),
        optimizer_share=spread.optimizer_share if spread else 1.0, graph=graph,
    )  # fmt: skip
    return Timing(request, recording, timed, compiled, spread)


def timed_with(timing: Timing, parameters: Parameters) -> Timing:
    """The same step by other parameters."""
    return replace(timing, timed=timing.timed.again(parameters=parameters))
