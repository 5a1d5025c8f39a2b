"""The time of a step whose ranks PyTorch must run: of tensors or stages, or offloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nincost._emulator.described.answer import rank_launches, start_process
from nincost._emulator.timing import time_launches
from nincost._engines.memory import check_together
from nincost._environment import environment
from nincost._step.convert import inputs_of
from nincost._step.parallel import Parallel, split_options
from nincost._step.request import Request
from nincost._time.calibration import chosen_calibration, in_words
from nincost._time.cost import check_cost, training_cost
from nincost._time.describe import COMMUNICATION, card_notes, communication_of
from nincost._time.hangs_on import hangs_on
from nincost._time.parameters import fitted_parameters
from nincost._time.ranks.spread import untimed
from nincost._time.ranks.stages import beside_each_other
from nincost._time.results import StepTime
from nincost._time.sums import parts_of
from nincost._time.time import check_ranks, prepare
from nincost._time.timed import Timed
from nincost.errors import InputError


def ranks_time(model: Any, given: Mapping[str, Any], options: Mapping[str, Any]) -> StepTime:
    """As `nincost.time`: one rank of each stage runs on the emulated GPU, and is timed.

    Args:
        given: the arguments of `nincost.time` but for `options`: the step's and its ranks'.

    Raises:
        EmulatorError: there can be no emulated GPU here.
        NincostError: as `nincost.time`.
    """
    figures = {name: given[name] for name in ("examples", "epochs", "price", "power")}
    check_cost(**figures)
    step, parallel = split_options(options)
    joining = {name: given[name] for name in ("link_bandwidth", "network_bandwidth")}
    check_ranks(parallel, joining, measures=bool(given["measure"] or given["calibrate"]))
    unfit = {
        "compile": parallel.compile, "cuda_graphs": given["cuda_graphs"],
        "suggest": given["suggest"] is True,
    }  # fmt: skip
    for name, is_given in unfit.items():
        if is_given:
            raise InputError(
                f"{name} is not known of the time of a step with {untimed(parallel)}: leave one out"
            )
    request, links = prepare(
        model, given["gpu"], given["batch_size"], given["input"], given["arg"], step, parallel,
        given["bandwidth"], given["tflops"], joining,
    )  # fmt: skip
    check_together(request.step, parallel)
    each = parallel.ranks // parallel.pp
    ranks = [stage * each for stage in range(parallel.pp)]
    with start_process(request) as process:
        launches = rank_launches(request, parallel, process, ranks)
    parameters, notes = fitted_parameters(), _notes(request, parallel)
    factors = chosen_calibration(request.card.title, given["calibration"])
    if factors is not None:
        parameters = factors.applied(parameters)
        notes.append(in_words(factors))
    stages = {rank: stage for stage, rank in enumerate(ranks)}
    gpu = request.card.gpu
    timed = beside_each_other(
        [time_launches(one, gpu, links, stages=stages, parameters=parameters) for one in launches]
    )
    busiest = min(timed, key=_waits)
    if parallel.pp > 1:
        waits = ", ".join(f"{_waits(one):.0%}" for one in timed)
        notes.append(
            f"stage {timed.index(busiest)} is shown, which works most; the share of the step in "
            f"which each stage waits for others and for what they send, in order: {waits}"
        )
    asked = request.step
    passes = 1 if asked.inference else asked.grad_accumulation
    inputs = inputs_of(asked)
    parts = parts_of(busiest, parallel.data * inputs.batch_size * passes)
    return StepTime(
        model=asked.model.name,
        input=inputs.specs,
        batch_size=inputs.batch_size,
        settings=request.options() | parallel.options(),
        gpu=request.card.title,
        totals=parts.totals,
        layers=parts.layers,
        operators=parts.operators,
        hangs_on=hangs_on(timed),
        cost=training_cost(parts.totals, gpu, ranks=parallel.ranks, **figures),
        communication=communication_of(parallel, links, busiest.beside.collectives),
        untimed=parts.untimed,
        notes=tuple(notes),
        environment=environment(),
        timed=busiest,
    )


def _waits(timed: Timed) -> float:
    """The share of a step in which a rank waits for the others."""
    communicated = sum(span.communicated for span in timed.queue.spans)
    return communicated / timed.seconds if timed.seconds else 0.0


def _notes(request: Request, parallel: Parallel) -> list[str]:
    notes = [
        *request.step.model.notes,
        *card_notes(request),
        "PyTorch ran the step on an emulated GPU, and what it launched is timed",
        COMMUNICATION,
    ]
    if parallel.tp > 1:
        notes.append("the time that the host spends in DTensor's own Python code is not counted")
    if parallel.cpu_offload:
        notes.append("the optimizer runs on the host, timed by the bytes that it reads and writes")
    return notes
