"""The model that a topic is about, and what it costs as it is or changed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from nincost._closed_form.cost_terms import ACTIVATIONS, CostedLayer, costed_layers
from nincost._devices.tables import meta_operators
from nincost._explain.receptive_field import receptive_fields
from nincost._explain.results import Sentence
from nincost._explain.topics.results import Case, Figure, Unit, Value
from nincost._memory.memory import memory as predict_memory
from nincost._models.build import Model
from nincost._models.copies import copy_structure
from nincost._models.sources import resolve
from nincost._profile.profile import profile_trace
from nincost._time.results import StepTime
from nincost._time.time import time as predict_time
from nincost._trace.records import Trace
from nincost._trace.trace import trace
from nincost.errors import NincostError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a topic says: the columns and rows of its figures, and its sentences."""

    question: Sentence
    cases: tuple[Case, ...]
    figures: tuple[Figure, ...]
    answers: tuple[Sentence, ...]


class Costs:
    """What one form of a model costs, worked out where it is asked for."""

    def __init__(self, module: nn.Module | Model, input: Any, batch_size: int) -> None:
        self._given = {"input": input, "batch_size": batch_size}
        self.found: Model = resolve(module)

    @functools.cached_property
    def traced(self) -> Trace:
        return trace(
            self.found, self._given["input"], batch_size=self._given["batch_size"],
            operators=meta_operators(), on_cpu=True,
        )  # fmt: skip

    @functools.cached_property
    def layers(self) -> tuple[CostedLayer, ...]:
        return costed_layers(self.traced)

    def layer(self, name: str) -> CostedLayer:
        return next(one for one in self.layers if one.name == name)

    @functools.cached_property
    def totals(self) -> Any:
        """The totals of its profile."""
        return profile_trace(self.traced).totals

    @property
    def non_linearities(self) -> int:
        """Activation functions that run in one pass."""
        return sum(one.cost.type in ACTIVATIONS for one in self.layers)

    @functools.cached_property
    def peak(self) -> int | None:
        """Bytes allocated at the peak of a training step with SGD; None where it cannot run."""
        try:
            found = predict_memory(self.found.module, measure=False, **self._given)
        except NincostError:
            return None
        return found.totals.peak_allocated_bytes

    @functools.cached_property
    def _timed(self) -> StepTime | None:
        try:
            return predict_time(self.found.module, **self._given)
        except NincostError:
            return None

    @property
    def seconds(self) -> float | None:
        """A training step on the card that `time` takes where none is named; None likewise."""
        return self._timed.totals.step_seconds if self._timed else None

    @property
    def card(self) -> str:
        """That card's name."""
        return self._timed.gpu if self._timed else ""

    @property
    def field(self) -> str:
        """The receptive field of the last layer that has one, in pixels: `195x195`."""
        fields = receptive_fields(self.found, self._given["input"], batch_size=1, mode="eval")
        known = [own for own in fields.values() if own]
        return "x".join(str(one.size) for one in known[-1]) if known else ""

    def sizes(self) -> str:
        """The outputs' heights down the network, each once where it changes: `54 -> 26 -> 12`."""
        found: list[int] = []
        for one in self.layers:
            output = one.cost.output
            if len(output) == 4 and found[-1:] != [output[2]]:
                found.append(output[2])
        return " -> ".join(map(str, found))


class Subject:
    """What a topic is asked of."""

    def __init__(self, found: Model, input: Any, batch_size: int, layer: str | None) -> None:
        self.found = found
        self.input = input if input is not None else (found.default_input or None)
        self.batch_size = batch_size
        self.layer = layer
        self.costs = self.of(found)

    def of(self, module: nn.Module | Model) -> Costs:
        """What a form of the model costs, at this input and batch."""
        return Costs(module, self.input, self.batch_size)

    def changed(self) -> nn.Module:
        """A copy of the model, on meta, to change."""
        return copy_structure(self.found.module)


def figure(key: str, phrase: str, values: Sequence[Value], unit: Unit = "count") -> Figure:
    """A row of figures; `phrase` is its heading's key."""
    return Figure(key, Sentence(phrase), unit, tuple(values))


def network_figures(forms: Sequence[Costs | None]) -> list[Figure]:
    """What every comparison of two forms of a network shows; None is a form that cannot run."""

    def row(key: str, phrase: str, unit: Unit, value: Any) -> Figure:
        return figure(key, phrase, [None if one is None else value(one) for one in forms], unit)

    return [
        row("params", "row_params", "count", lambda one: one.totals.params),
        row("macs", "row_macs", "count", lambda one: one.totals.macs),
        row("activation_bytes", "row_activations", "bytes",
            lambda one: one.totals.activation_bytes),
        row("peak_allocated_bytes", "row_peak", "bytes", lambda one: one.peak),
        row("step_seconds", "row_seconds", "seconds", lambda one: one.seconds),
    ]  # fmt: skip
