"""The result of a report: a profile, predictions, and what its charts are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from nincost._chinese.translate import Lang
from nincost._memory.results import Memory
from nincost._profile.results import LayerCost, Profile
from nincost._result import Result, Tabular
from nincost._time.results import StepTime


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the step: which operator ran where, and the bytes in use by category.

    `place` counts the step's allocations and frees. `sizes` are in the order of
    `StepCurve.categories` and sum to `bytes`.
    """

    place: int
    phase: str
    layer: str
    operator: str
    bytes: int
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StepCurve:
    """The memory of one step over its operators.

    Attributes:
        categories: those with any bytes in the step.
        moments: in order; each is the one with the most bytes of a part of the step.
        peak: which of the moments is the peak.
        phases: where each phase begins, as a `place`.
        length: how many events the step has.
    """

    categories: tuple[str, ...]
    moments: tuple[Moment, ...]
    peak: int
    phases: tuple[tuple[int, str], ...]
    length: int

    def to_dict(self) -> dict[str, Any]:
        columns = ("place", "phase", "layer", "operator", "bytes", *self.categories)
        return {
            "columns": list(columns),
            "moments": [[m.place, m.phase, m.layer, m.operator, m.bytes, *m.sizes]
                        for m in self.moments],
            "peak": self.peak,
            "phases": [{"place": place, "phase": phase} for place, phase in self.phases],
            "length": self.length,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CardFit:
    """The largest batch that fits a card of a common size.

    Attributes:
        label: `24 GB`, the size that the card is sold with.
        card: a card of that size, whose memory as CUDA reports it is `budget_bytes`.
        batch_size: the largest that fits; 0 where a batch of 1 does not, None where any does.
        process_bytes: the process's memory at that batch (at a batch of 1 where none fits).
        exact: whether the step was predicted in full at that batch and at one more. Otherwise it
            is interpolated between predictions in full.
    """

    label: str
    card: str
    budget_bytes: int
    batch_size: int | None
    process_bytes: int
    exact: bool

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class BatchCurve:
    """The memory of the process by batch size.

    Attributes:
        points: batch and bytes, each predicted in full.
        line: batch and bytes, the points and linear interpolations between them.
        cards: the largest batch for each common card.
    """

    points: tuple[tuple[int, int], ...]
    line: tuple[tuple[int, int], ...]
    cards: tuple[CardFit, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "points": [list(point) for point in self.points],
            "line": [list(point) for point in self.line],
            "cards": [card.to_dict() for card in self.cards],
        }


@dataclass(frozen=True, slots=True)
class Roof:
    """A peak of the card, in FLOP/s, and the units that reach it."""

    name: str
    flops: float

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "flops": self.flops}


@dataclass(frozen=True, slots=True)
class RoofPoint:
    """A layer of the forward pass on the roofline.

    Attributes:
        flops, bytes: of all its calls; bytes are its inputs, outputs and parameters, each moved
            once in each call.
        intensity: FLOPs for each byte.
        attainable: FLOP/s at most: min(peak, intensity * bandwidth).
        bound: what limits it: the memory's bandwidth, or computing.
        seconds: a lower bound of its time: max(bytes / bandwidth, FLOPs / peak).
        predicted: seconds as `nincost.time` predicts them of the step's forward pass; None where
            the step was not timed or has no such layer.
    """

    layer: str
    type: str
    calls: int
    flops: int
    bytes: int
    intensity: float
    attainable: float
    bound: Literal["memory", "compute"]
    seconds: float
    predicted: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Roofline:
    """The forward pass on a card's roofline.

    Attributes:
        gpu: the card; `assumed` where the user named none.
        precision: what contractions compute in.
        element_bytes: bytes of a value as counted.
        bandwidth: bytes/s to and from the card's memory.
        roofs: the peaks, highest first.
        points: the layers that compute, in order of execution.
    """

    gpu: str
    assumed: bool
    precision: str
    element_bytes: int
    bandwidth: float
    roofs: tuple[Roof, ...]
    points: tuple[RoofPoint, ...]

    @property
    def seconds(self) -> float:
        """A lower bound of a forward pass's time, each layer on its own."""
        return sum(point.seconds for point in self.points)

    @property
    def memory_seconds(self) -> float:
        """The part of `seconds` in layers that are bound by memory."""
        return sum(point.seconds for point in self.points if point.bound == "memory")

    def to_dict(self) -> dict[str, Any]:
        return {
            "gpu": self.gpu,
            "assumed": self.assumed,
            "precision": self.precision,
            "element_bytes": self.element_bytes,
            "bandwidth": self.bandwidth,
            "roofs": [roof.to_dict() for roof in self.roofs],
            "seconds": self.seconds,
            "memory_seconds": self.memory_seconds,
            "points": [point.to_dict() for point in self.points],
        }


@dataclass(frozen=True, slots=True, repr=False)
class Report(Result):
    """All that nincost predicts of a model, with what the page's charts are drawn from.

    Attributes:
        profile: parameters, computation and activations, layer by layer.
        training: the memory of a training step; None where there is none, and `missing` says why.
        inference: the memory of a forward pass without gradients; None likewise.
        curve: the memory over the step (`training`'s, else `inference`'s).
        batches: memory by batch size.
        time: how long that step takes; None likewise.
        roofline: each layer's arithmetic intensity under a card's peaks.
        bars: the profile's rows summed up to as many as a chart can show.
        missing: what could not be predicted, by name, with the reason.
        command: the command that makes this report again.
        created: when, in UTC, as 2026-11-24 19:00.
        environment: versions.
        lang: the language of its words; None for that of the environment.
    """

    renderers: ClassVar[str] = "report"

    profile: Profile
    training: Memory | None
    inference: Memory | None
    curve: StepCurve | None
    batches: BatchCurve | None
    roofline: Roofline | None
    bars: tuple[LayerCost, ...]
    missing: Mapping[str, str]
    command: str
    created: str
    environment: Mapping[str, str] = field(default_factory=dict)
    time: StepTime | None = None
    lang: Lang | None = field(default=None, compare=False)

    @property
    def step(self) -> Memory | None:
        """The step that `curve` and `batches` are of."""
        return self.training or self.inference

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content: `totals` and `layers` are the profile's."""
        content = self.profile.to_dict()
        for name in ("training", "inference", "curve", "batches", "roofline", "time"):
            value = getattr(self, name)
            content[name] = None if value is None else value.to_dict()
        return content | {
            "command": "report",
            "environment": dict(self.environment),
            "missing": dict(self.missing),
            "made_with": self.command,
            "created": self.created,
        }

    def tabular(self) -> Tabular:
        """The layers, as the profile has them."""
        return self.profile.tabular()

    def headline(self) -> dict[str, Any]:
        """The profile's, and the memory of each step."""
        steps = {"training_process_bytes": self.training, "inference_process_bytes": self.inference}
        return self.profile.headline() | {
            name: memory.totals.process_bytes if memory else None for name, memory in steps.items()
        }
