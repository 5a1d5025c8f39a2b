"""A timed step as a result: totals, layers, operators, and what a careful reader should know."""

from __future__ import annotations

from collections.abc import Sequence

from nincost._environment import environment
from nincost._step.parallel import Parallel
from nincost._step.request import Request
from nincost._time.hangs_on import hangs_on
from nincost._time.predict import Timing
from nincost._time.queue import Collective
from nincost._time.ranks.links import Links
from nincost._time.results import Communication, StepTime
from nincost._time.sums import parts_of

#: A note on ranks that send to each other.
COMMUNICATION = (
    "communication is modelled: NCCL's ring over links as such cards commonly have them "
    "(--link-bandwidth and --network-bandwidth give others)"
)


def describe(timing: Timing) -> StepTime:
    """A timed step as a result."""
    request, recording, spread = timing.request, timing.recording, timing.spread
    timed = timing.timed
    parts = parts_of(timed, timing.examples)
    return StepTime(
        model=recording.model,
        input=recording.input,
        batch_size=recording.batch_size,
        settings=request.options() | (spread.parallel.options() if spread else {}),
        gpu=request.card.title,
        totals=parts.totals,
        layers=parts.layers,
        operators=parts.operators,
        hangs_on=hangs_on([timed]),
        communication=(
            communication_of(spread.parallel, spread.links, spread.beside.collectives)
            if spread
            else None
        ),
        untimed=parts.untimed,
        notes=_notes(timing),
        environment=environment(),
        timing=timing,
        timed=timed,
    )


def communication_of(parallel: Parallel, links: Links, sent: Sequence[Collective]) -> Communication:
    """What a rank sends in a step."""
    return Communication(
        ranks=parallel.ranks,
        collectives=len(sent),
        moved_bytes=sum(one.moved for one in sent),
        seconds=sum(one.seconds for one in sent),
        links=links.kind,
        link_bandwidth=links.within,
        network_bandwidth=links.between,
    )


def card_notes(request: Request) -> list[str]:
    """What is to be known of the card, where nobody named one."""
    if not request.card.assumed:
        return []
    return [
        f"no GPU was named, so the speeds are those of {request.card.title}: name yours with --gpu"
    ]


def _notes(timing: Timing) -> tuple[str, ...]:
    request = timing.request
    notes = [*request.step.model.notes, *timing.recording.notes, *card_notes(request)]
    if timing.spread is not None:
        notes.append(COMMUNICATION)
    if timing.timed.graph:
        notes.append(
            "a CUDA graph of the whole step is assumed: the host launches it at once, and copies "
            "of its inputs are not in it"
        )
    if timing.compiled:
        notes.append(
            "torch.compile is modelled roughly: chains of element-wise operators, normalizations "
            "and reductions read and write once, and the host only launches; graph breaks and "
            "autotuning are not in it"
        )
    elif request.step.model.compiled:
        notes.append(
            "torch.compile was called for the model, and each operator was timed by itself: give "
            "--compile for what compiled code would take"
        )
    if request.settings.cudnn_benchmark:
        notes.append("the first steps, in which cudnn.benchmark tries its plans, take longer")
    return tuple(notes)
