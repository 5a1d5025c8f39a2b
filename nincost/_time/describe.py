"""A timed step as a result: totals, layers, operators, and what a careful reader should know."""

from __future__ import annotations

from dataclasses import dataclass, field

from nincost._environment import environment
from nincost._time.predict import Timing, hangs_on, peak_flops
from nincost._time.ranks.spread import Spread
from nincost._time.results import Communication, LayerTime, OperatorTime, StepTime, TimeTotals
from nincost._time.work.kinds import Bound
from nincost._trace.recording import Phase

_PHASES = {
    "forward": "forward", "loss": "forward", "backward": "backward", "step": "optimizer",
    "zero_grad": "optimizer", "end": "optimizer",
}  # fmt: skip
#: What no layer did, by the phase in which it ran.
_OUTSIDE: dict[Phase, str] = {
    "model": "[model]", "input": "[input]", "forward": "[forward]", "loss": "[loss]",
    "zero_grad": "[optimizer]", "backward": "[backward]", "step": "[optimizer]", "end": "[end]",
}  # fmt: skip


@dataclass(slots=True)
class _Sum:
    """What operators add up to."""

    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("forward", "backward", "optimizer"), 0.0)
    )
    waited: float = 0.0
    communicated: float = 0.0
    flops: int = 0
    moved: int = 0
    kernels: int = 0
    calls: int = 0
    families: dict[str, None] = field(default_factory=dict)
    bounds: dict[Bound, float] = field(default_factory=dict)
    guessed: bool = False

    @property
    def total(self) -> float:
        return sum(self.seconds.values()) + self.communicated

    @property
    def bound_by(self) -> Bound:
        return max(self.bounds, key=lambda name: self.bounds[name], default="host")

    def add(self, timing: Timing, at: int) -> None:
        """One operator more."""
        one, span = timing.operators.launched[at], timing.queue.spans[at]
        self.calls += 1
        self.seconds[_PHASES[one.phase]] += span.seconds - span.communicated
        self.waited += span.waited
        self.communicated += span.communicated
        self.bounds["host"] = self.bounds.get("host", 0.0) + span.waited
        self.bounds["communication"] = self.bounds.get("communication", 0.0) + span.communicated
        share = timing.share(one)
        for number in one.works:
            work, bound = timing.operators.works[number], timing.bound(number)
            self.flops += work.flops
            self.moved += round(share * work.moved)
            self.kernels += work.launches
            self.families[work.family] = None
            self.guessed |= work.guessed
            self.bounds[bound] = self.bounds.get(bound, 0.0) + share * float(
                timing.times.seconds[number]
            )


def describe(timing: Timing) -> StepTime:
    """A timed step as a result."""
    request, recording, spread = timing.request, timing.recording, timing.spread
    layers: dict[str, _Sum] = {}
    operators: dict[str, _Sum] = {}
    whole = _Sum()
    for at, one in enumerate(timing.operators.launched):
        name = timing.operators.layers[one.layer] or _OUTSIDE[one.phase]
        layers.setdefault(name, _Sum()).add(timing, at)
        operators.setdefault(one.name, _Sum()).add(timing, at)
        whole.add(timing, at)
    untimed = tuple(sorted(name for name, found in operators.items() if found.guessed))
    return StepTime(
        model=recording.model,
        input=recording.input,
        batch_size=recording.batch_size,
        settings=request.options() | (spread.parallel.options() if spread else {}),
        gpu=request.card.title,
        totals=_totals(timing, whole),
        layers=tuple(_layer(name, found, timing) for name, found in layers.items()),
        operators=_operators(operators, timing),
        hangs_on=hangs_on(timing),
        communication=_communication(spread) if spread else None,
        untimed=untimed,
        notes=_notes(timing),
        environment=environment(),
        timing=timing,
    )


def _communication(spread: Spread) -> Communication:
    sent, links = spread.beside.collectives, spread.links
    return Communication(
        ranks=spread.parallel.ranks,
        collectives=len(sent),
        moved_bytes=sum(one.moved for one in sent),
        seconds=sum(one.seconds for one in sent),
        links=links.kind,
        link_bandwidth=links.within,
        network_bandwidth=links.between,
    )


def _totals(timing: Timing, whole: _Sum) -> TimeTotals:
    seconds = timing.seconds
    peak = peak_flops(timing)
    rate = whole.flops / seconds if seconds else 0.0
    by_bound = timing.by_bound
    off = timing.parameters.error["network"]
    return TimeTotals(
        step_seconds=seconds,
        forward_seconds=whole.seconds["forward"],
        backward_seconds=whole.seconds["backward"],
        optimizer_seconds=whole.seconds["optimizer"],
        communication_seconds=whole.communicated,
        examples_per_second=timing.examples_per_second,
        flops_per_second=rate,
        mfu=rate / peak if peak else 0.0,
        bound_by=max(by_bound, key=lambda name: by_bound[name]),
        interval=(seconds / (1 + off), seconds * (1 + off)),
        card_seconds=seconds - whole.waited - whole.communicated,
        waiting_seconds=whole.waited,
        host_seconds=timing.queue.host_seconds,
        flops=whole.flops,
        moved_bytes=whole.moved,
        kernels=whole.kernels,
        peak_flops=peak,
        by_bound={str(name): value for name, value in by_bound.items()},
    )


def _layer(name: str, found: _Sum, timing: Timing) -> LayerTime:
    return LayerTime(
        layer=name,
        seconds=found.total,
        share=_share(found, timing),
        forward_seconds=found.seconds["forward"],
        backward_seconds=found.seconds["backward"],
        optimizer_seconds=found.seconds["optimizer"],
        waiting_seconds=found.waited,
        flops=found.flops,
        moved_bytes=found.moved,
        kernels=found.kernels,
        bound_by=found.bound_by,
    )


def _operators(sums: dict[str, _Sum], timing: Timing) -> tuple[OperatorTime, ...]:
    rows = [
        OperatorTime(
            operator=name,
            families=tuple(found.families),
            calls=found.calls,
            seconds=found.total,
            share=_share(found, timing),
            flops=found.flops,
            moved_bytes=found.moved,
            bound_by=found.bound_by,
            timed=not found.guessed,
        )
        for name, found in sums.items()
        if found.kernels
    ]
    return tuple(sorted(rows, key=lambda row: -row.seconds))


def _share(found: _Sum, timing: Timing) -> float:
    return found.total / timing.seconds if timing.seconds else 0.0


def _notes(timing: Timing) -> tuple[str, ...]:
    request = timing.request
    notes = [*request.step.model.notes, *timing.recording.notes]
    if request.card.assumed:
        notes.append(
            f"no GPU was named, so the speeds are those of {request.card.title}: name yours with "
            "--gpu"
        )
    if timing.spread is not None:
        notes.append(
            "communication is modelled: NCCL's ring over links as such cards commonly have them "
            "(--link-bandwidth and --network-bandwidth give others)"
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
