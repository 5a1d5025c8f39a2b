"""What a timed step's operators add up to: the whole, its layers, its operators."""

from __future__ import annotations

from dataclasses import dataclass, field

from nincost._time.ranks.links import copy_seconds
from nincost._time.results import LayerTime, OperatorTime, TimeTotals
from nincost._time.timed import Timed, peak_flops
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

    def add(self, timed: Timed, at: int) -> None:
        """One operator more."""
        one, span = timed.operators.launched[at], timed.queue.spans[at]
        self.calls += 1
        self.seconds[_PHASES[one.phase]] += span.seconds - span.communicated
        self.waited += span.waited
        self.communicated += span.communicated
        self.bounds["host"] = self.bounds.get("host", 0.0) + span.waited
        sent = span.communicated + copy_seconds(timed.gpu, one.copied)
        self.bounds["communication"] = self.bounds.get("communication", 0.0) + sent
        self.kernels += bool(one.copied)
        self.moved += one.copied
        share = timed.share(one)
        for number in one.works:
            work, bound = timed.operators.works[number], timed.bound(number)
            self.flops += work.flops
            self.moved += round(share * work.moved)
            self.kernels += work.launches
            self.families[work.family] = None
            self.guessed |= work.guessed
            self.bounds[bound] = self.bounds.get(bound, 0.0) + share * float(
                timed.times.seconds[number]
            )


@dataclass(frozen=True, slots=True)
class Parts:
    """A step's totals, its layers in order, its operators by time; `untimed` have no rule."""

    totals: TimeTotals
    layers: tuple[LayerTime, ...]
    operators: tuple[OperatorTime, ...]
    untimed: tuple[str, ...]


def parts_of(timed: Timed, examples: int) -> Parts:
    """What a step that sees so many examples, on all ranks, adds up to."""
    layers: dict[str, _Sum] = {}
    operators: dict[str, _Sum] = {}
    whole = _Sum()
    for at, one in enumerate(timed.operators.launched):
        name = timed.operators.layers[one.layer] or _OUTSIDE[one.phase]
        layers.setdefault(name, _Sum()).add(timed, at)
        operators.setdefault(one.name, _Sum()).add(timed, at)
        whole.add(timed, at)
    return Parts(
        _totals(timed, whole, examples),
        tuple(_layer(name, found, timed) for name, found in layers.items()),
        _operators(operators, timed),
        tuple(sorted(name for name, found in operators.items() if found.guessed)),
    )


def _totals(timed: Timed, whole: _Sum, examples: int) -> TimeTotals:
    seconds = timed.seconds
    peak = peak_flops(timed)
    rate = whole.flops / seconds if seconds else 0.0
    by_bound = timed.by_bound
    off = timed.parameters.error["network"]
    return TimeTotals(
        step_seconds=seconds,
        forward_seconds=whole.seconds["forward"],
        backward_seconds=whole.seconds["backward"],
        optimizer_seconds=whole.seconds["optimizer"],
        communication_seconds=whole.communicated,
        examples_per_second=examples / seconds if seconds else 0.0,
        flops_per_second=rate,
        mfu=rate / peak if peak else 0.0,
        bound_by=timed.bound_by,
        interval=(seconds / (1 + off), seconds * (1 + off)),
        card_seconds=seconds - whole.waited - whole.communicated,
        waiting_seconds=whole.waited,
        host_seconds=timed.queue.host_seconds,
        flops=whole.flops,
        moved_bytes=whole.moved,
        kernels=whole.kernels,
        peak_flops=peak,
        by_bound={str(name): value for name, value in by_bound.items()},
    )


def _layer(name: str, found: _Sum, timed: Timed) -> LayerTime:
    return LayerTime(
        layer=name,
        seconds=found.total,
        share=_share(found, timed),
        forward_seconds=found.seconds["forward"],
        backward_seconds=found.seconds["backward"],
        optimizer_seconds=found.seconds["optimizer"],
        waiting_seconds=found.waited,
        flops=found.flops,
        moved_bytes=found.moved,
        kernels=found.kernels,
        bound_by=found.bound_by,
    )


def _operators(sums: dict[str, _Sum], timed: Timed) -> tuple[OperatorTime, ...]:
    rows = [
        OperatorTime(
            operator=name,
            families=tuple(found.families),
            calls=found.calls,
            seconds=found.total,
            share=_share(found, timed),
            flops=found.flops,
            moved_bytes=found.moved,
            bound_by=found.bound_by,
            timed=not found.guessed,
        )
        for name, found in sums.items()
        if found.kernels
    ]
    return tuple(sorted(rows, key=lambda row: -row.seconds))


def _share(found: _Sum, timed: Timed) -> float:
    return found.total / timed.seconds if timed.seconds else 0.0
