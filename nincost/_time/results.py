"""What a prediction of time gives: plain values in seconds, bytes and FLOPs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nincost._files import write_file
from nincost._result import Result, Tabular, plain
from nincost._time.work.kinds import Bound

if TYPE_CHECKING:
    from nincost._time.predict import Timing
    from nincost._time.timed import Timed

#: The columns of a prediction's CSV: a row for each layer.
TIME_COLUMNS = (
    "layer", "seconds", "share", "forward_seconds", "backward_seconds", "optimizer_seconds",
    "waiting_seconds", "flops", "moved_bytes", "kernels", "bound_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LayerTime:
    """What a layer takes of a step; all layers' `seconds` add up to the step's.

    `layer` is a module's dotted path, or in brackets what no module did: `[loss]`, `[optimizer]`.
    `waiting_seconds` is the part in which the card waits for the host.
    """

    layer: str
    seconds: float
    share: float
    forward_seconds: float
    backward_seconds: float
    optimizer_seconds: float
    waiting_seconds: float
    flops: int
    moved_bytes: int
    kernels: int
    bound_by: Bound

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """What all calls of an operator take, by the families of their kernels.

    `timed` is False where the operator has no rule: its bytes are counted, once each.
    """

    operator: str
    families: tuple[str, ...]
    calls: int
    seconds: float
    share: float
    flops: int
    moved_bytes: int
    bound_by: Bound
    timed: bool

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class Gain:
    """The step with something changed: `speedup` is in examples per second, 1 for no change."""

    option: str
    description: str
    step_seconds: float
    examples_per_second: float
    speedup: float
    bound_by: Bound

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate of a whole training, on cards that do nothing else.

    `gpu_hours` are of all ranks together. `energy_kwh` is of the cards alone, at the power given,
    else at their rated power. `price` is in the currency of the price an hour; None where none was
    given.
    """

    examples: int
    epochs: float
    seconds: float
    gpu_hours: float
    watts: float
    energy_kwh: float
    price: float | None

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class Communication:
    """What a rank of several sends in a step.

    Attributes:
        ranks: how many there are.
        collectives: how many a step has.
        moved_bytes: of their whole tensors.
        seconds: that they take, most of it beside computation (`communication_seconds` is not).
        links: `nvswitch`, `pcie`, or through the `host`'s memory.
        link_bandwidth, network_bandwidth: bytes a second that a rank sends to the next one of its
            machine, and may send to other machines.
    """

    ranks: int
    collectives: int
    moved_bytes: int
    seconds: float
    links: str
    link_bandwidth: float
    network_bandwidth: float

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class MeasuredTime:
    """Real steps on a GPU, medians in seconds.

    Attributes:
        device: the GPU's name; steps: how many were timed, after a warm-up.
        interval: the tenth and the ninetieth percentile of a step.
        host_seconds: what the host's thread takes to launch a step into an empty queue.
    """

    device: str
    steps: int
    step_seconds: float
    interval: tuple[float, float]
    forward_seconds: float
    backward_seconds: float
    optimizer_seconds: float
    host_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class TimeTotals:
    """The step as a whole.

    Attributes:
        step_seconds: of one step among many like it; the phases' seconds add up to it.
        forward_seconds: with the loss.
        optimizer_seconds: with `zero_grad`.
        communication_seconds: that no computation hides, or that it is slowed by.
        examples_per_second: batch over `step_seconds`, each backward pass of a step counted; of
            all ranks together.
        flops_per_second: of contractions, as they run.
        mfu: these over the card's peak for the precision of the step's contractions.
        bound_by: what most of the step's time goes to.
        interval: the step's seconds as nine of ten measured networks would have them.
        card_seconds: in which the card works.
        waiting_seconds: in which it waits for the host.
        host_seconds: what the host's thread takes to launch all.
        flops, moved_bytes, kernels: of the step, on one rank.
        peak_flops: what `mfu` is a share of.
        by_bound: `step_seconds` by what each part of it waits for.
        measured: the same step on a real GPU; None where none was asked for.
    """

    step_seconds: float
    forward_seconds: float
    backward_seconds: float
    optimizer_seconds: float
    communication_seconds: float
    examples_per_second: float
    flops_per_second: float
    mfu: float
    bound_by: Bound
    interval: tuple[float, float]
    card_seconds: float
    waiting_seconds: float
    host_seconds: float
    flops: int
    moved_bytes: int
    kernels: int
    peak_flops: float
    by_bound: Mapping[str, float]
    measured: MeasuredTime | None = None

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True, repr=False)
class StepTime(Result):
    """How long a step takes. `print` it, or take `totals`, `layers` and `operators`.

    Attributes:
        model, input, batch_size: what was predicted.
        settings: the step's options as plain values.
        gpu: the card.
        layers: in the order of the forward pass.
        operators: the longest first.
        hangs_on: by figure of the card or the host, the percent by which the step gets shorter
            where that figure is 10% better.
        gains: the step with something changed, the best first; empty where none was asked for.
        cost: of a whole training; None where nobody said how many examples.
        communication: what a rank sends; None where there is one.
        untimed: operators without a rule, which are counted by their bytes.
        notes: what a careful reader should know.
        environment: versions.
    """

    renderers: ClassVar[str] = "time"

    model: str
    input: tuple[str, ...]
    batch_size: int
    settings: Mapping[str, Any]
    gpu: str
    totals: TimeTotals
    layers: tuple[LayerTime, ...]
    operators: tuple[OperatorTime, ...]
    hangs_on: Mapping[str, float]
    gains: tuple[Gain, ...] = ()
    cost: Cost | None = None
    communication: Communication | None = None
    untimed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timing: Timing | None = field(default=None, compare=False)
    timed: Timed | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "time",
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "settings": dict(self.settings),
            "gpu": self.gpu,
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
            "operators": [operator.to_dict() for operator in self.operators],
            "hangs_on": dict(self.hangs_on),
            "gains": [gain.to_dict() for gain in self.gains],
            "cost": self.cost.to_dict() if self.cost else None,
            "communication": self.communication.to_dict() if self.communication else None,
            "uncounted": list(self.untimed),
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """A row for each layer."""
        return Tabular.of(TIME_COLUMNS, [layer.to_dict() for layer in self.layers])

    def headline(self) -> dict[str, Any]:
        """The model, the card and the answer."""
        totals = self.totals
        return {
            "model": self.model,
            "gpu": self.gpu,
            "step_seconds": totals.step_seconds,
            "examples_per_second": totals.examples_per_second,
            "bound_by": totals.bound_by,
        }

    def to_trace(self, path: str | Path, *, force: bool = False) -> None:
        """Write the step as a Chrome trace, for ui.perfetto.dev or chrome://tracing.

        Raises:
            OutputError: the file cannot be written.
        """
        from nincost._time.chrome_trace import chrome_trace

        assert self.timed is not None
        title = f"{self.model} on {self.gpu}, predicted"
        write_file(path, chrome_trace(self.timed, title), force=force)
