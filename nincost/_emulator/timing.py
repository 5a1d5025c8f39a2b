"""The time of a step that was recorded on the emulated GPU: of what was launched, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from nincost._devices.cards import Gpu
from nincost._emulator.attribution import layer_names
from nincost._emulator.observe.dataflow import Joined
from nincost._emulator.time_results import ScriptTime
from nincost._time.hangs_on import hangs_on
from nincost._time.kernels import WorkTable, kernel_times
from nincost._time.operators import Launched, StepOperators
from nincost._time.parameters import Parameters, fitted_parameters
from nincost._time.queue import Beside, Collective
from nincost._time.ranks.links import Links, copy_seconds, usual_links
from nincost._time.sums import parts_of
from nincost._time.timed import Timed, time_operators
from nincost._time.work.kinds import Work

_NO_STAGES: Mapping[int, int] = MappingProxyType({})
#: What one rank sends another one.
POINT_TO_POINT = ("send", "receive")


def time_launches(
    launches: Mapping[str, Any], gpu: Gpu, links: Links, *, stages: Mapping[int, int] = _NO_STAGES,
    parameters: Parameters | None = None,
) -> Timed:  # fmt: skip
    """Time what `LaunchRecorder.result` has of a step.

    Args:
        links: how the ranks are joined.
        stages: of a pipeline, by the ranks that have them; a send to another rank, or what comes
            from it, is taken to have a partner that is ready.
        parameters: those that were fitted where None.
    """
    operators = StepOperators(
        [Launched(*one) for one in launches["launched"]],
        [Work(*one) for one in launches["works"]],
        layer_names(launches["layers"]),
    )
    parameters = parameters or fitted_parameters()
    each = kernel_times(WorkTable.of(operators.works), gpu, parameters).seconds.tolist()
    sent = [Joined(*one) for one in launches["sent"]]
    beside = Beside(
        [
            _collective(one, each, gpu, links)._replace(peer=stages.get(one.peer, -1))
            for one in sent
        ],
        links.channels / gpu.sm_count if any(one.moved for one in sent) else 0.0,
        gpu.bandwidth * gpu.streaming,
    )
    return time_operators(operators, gpu, parameters, beside)


def _collective(one: Joined, each: Sequence[float], gpu: Gpu, links: Links) -> Collective:
    if not one.ranks:  # kernels, or a copy, on another stream
        seconds = sum(each[work] for work in one.works) + copy_seconds(gpu, one.copied)
        return Collective(one.name, 0, seconds, one.after, one.before)
    machines = {rank // links.ranks_per_node for rank in one.ranks}
    count, nodes = len(one.ranks), len(machines)
    if one.name in POINT_TO_POINT:  # a ring of two is there and back
        count, nodes = 2, 2 if nodes > 1 else 1
        seconds = links.seconds(2 * one.moved, count, nodes=nodes)
    else:
        seconds = links.seconds(one.moved, count, rounds=one.rounds, nodes=nodes)
    return Collective(one.name, one.moved, seconds, one.after, one.before)


def time_of_rank(
    launches: Mapping[str, Any], card: Gpu, ranks_per_node: int, rank: int
) -> ScriptTime:
    """How long a rank's step takes, of what it launched."""
    timed = time_launches(launches, card, usual_links(card, ranks_per_node))
    parts = parts_of(timed, 0)  # nobody said how many examples it sees
    totals = parts.totals
    return ScriptTime(
        rank=rank,
        step_seconds=totals.step_seconds,
        forward_seconds=totals.forward_seconds,
        backward_seconds=totals.backward_seconds,
        optimizer_seconds=totals.optimizer_seconds,
        communication_seconds=totals.communication_seconds,
        interval=totals.interval,
        waiting_seconds=totals.waiting_seconds,
        host_seconds=totals.host_seconds,
        flops=totals.flops,
        flops_per_second=totals.flops_per_second,
        mfu=totals.mfu,
        moved_bytes=totals.moved_bytes,
        sent_bytes=sum(one.moved for one in timed.beside.collectives),
        kernels=totals.kernels,
        bound_by=totals.bound_by,
        by_bound=totals.by_bound,
        hangs_on=hangs_on([timed]),
        layers=parts.layers,
        operators=parts.operators,
        untimed=parts.untimed,
        was_compiled=launches["compiled"],
    )
