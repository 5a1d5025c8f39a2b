"""The model that an answer is about, traced once for each batch size that is asked about."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from nincost._closed_form.cost_terms import CostedLayer, Quantity, costed_layers
from nincost._devices.tables import meta_operators
from nincost._explain.receptive_field import receptive_fields
from nincost._explain.without_layers import without_layers
from nincost._isolation import collection_paused
from nincost._memory.memory import memory as predict_memory
from nincost._memory.results import MemoryTotals
from nincost._models.build import Model
from nincost._models.nin import VARIANTS
from nincost._models.sources import resolve
from nincost._trace.records import Trace
from nincost._trace.trace import trace
from nincost.errors import InputError, did_you_mean


@dataclass(slots=True)
class Known:
    """What was found out about a model so far.

    Attributes:
        traces: of a batch size, the trace and the layers with their costs.
        memories: of a step's settings, what it takes.
        fields: each layer's receptive field, in pixels.
    """

    traces: dict[int, tuple[Trace, tuple[CostedLayer, ...]]] = field(default_factory=dict)
    memories: dict[tuple[object, ...], MemoryTotals] = field(default_factory=dict)
    fields: dict[str, int] | None = None


@functools.lru_cache(maxsize=16)
def _built_in(name: str, dtype: torch.dtype) -> tuple[Model, Known]:
    """A built-in variant and what is known of it, which many answers share.

    `dtype` is torch's default.
    """
    assert dtype is torch.get_default_dtype()
    return resolve(name), Known()


def subject_of(
    model: Any, arg: Mapping[str, Any] | None, *, input: Any, batch_size: int, layer: str | None
) -> Subject:
    """What an answer is about; a built-in variant is built and traced once in a process."""
    if isinstance(model, str) and model in VARIANTS and not arg and input is None:
        found, known = _built_in(model, torch.get_default_dtype())
        return Subject(found, batch_size=batch_size, layer=layer, known=known)
    return Subject(resolve(model, arg), input=input, batch_size=batch_size, layer=layer)


class Subject:
    """A model, its input and batch size, and the layer or block that alone is asked about.

    Raises:
        InputError: there is no such layer, or the input does not fit the model.
        ModelError: the model cannot be run.
    """

    def __init__(
        self, found: Model, *, input: Any = None, batch_size: int = 1, layer: str | None = None,
        known: Known | None = None,
    ) -> None:  # fmt: skip
        self.found = found
        self.input = input
        self.batch_size = batch_size
        self.layer = layer
        self._known = known or Known()
        self.traced, layers = self._at(batch_size)
        if layer is not None and not _within(layers, layer):
            names = [one.name for one in layers]
            blocks = {name.rpartition(".")[0] for name in names} - {""}
            raise InputError(
                f"there is no layer {layer!r}: choose one such as {', '.join(names[:4])}"
                f"{did_you_mean(layer, [*names, *blocks])}"
            )

    def _at(self, batch: int) -> tuple[Trace, tuple[CostedLayer, ...]]:
        if batch not in self._known.traces:
            with collection_paused():
                traced = trace(
                    self.found,
                    self.input,
                    batch_size=batch,
                    operators=meta_operators(),
                    on_cpu=True,
                )
                self._known.traces[batch] = (traced, costed_layers(traced))
        return self._known.traces[batch]

    def all_layers(self, batch: int | None = None) -> tuple[CostedLayer, ...]:
        """Every layer with its costs at a batch size, by default the question's."""
        return self._at(batch or self.batch_size)[1]

    def layers(self, batch: int | None = None) -> tuple[CostedLayer, ...]:
        """The layers that are asked about."""
        found = self.all_layers(batch)
        return found if self.layer is None else _within(found, self.layer)

    def within(self, layer: str) -> Subject:
        """The same model, of which only this layer or block is asked about."""
        return Subject(
            self.found, input=self.input, batch_size=self.batch_size, layer=layer,
            known=self._known,
        )  # fmt: skip

    def memory(
        self,
        batch: int,
        *,
        inference: bool = False,
        optimizer: str = "sgd",
        without: Sequence[str] = (),
    ) -> MemoryTotals:
        """What `nincost memory` predicts of a step, perhaps of the model without some layers."""
        key = (batch, inference, optimizer, tuple(without))
        memories = self._known.memories
        if key not in memories:
            module: Any = self.found.module
            if without:
                module = without_layers(module, without)
            given = self.input if self.input is not None else (self.found.default_input or None)
            memories[key] = predict_memory(
                module, input=given, batch_size=batch, inference=inference, measure=False,
                **({} if inference else {"optimizer": optimizer}),  # type: ignore[arg-type]
            ).totals  # fmt: skip
        return memories[key]

    def field_sizes(self) -> dict[str, int]:
        """The receptive field of each layer along its last dimension, in pixels."""
        if self._known.fields is None:
            fields = receptive_fields(self.found, self.input, batch_size=1, mode="eval")
            self._known.fields = {name: own[-1].size for name, own in fields.items() if own}
        return self._known.fields

    def all_totals(self, what: Quantity) -> list[tuple[str, int]]:
        """What each built-in variant costs for one input."""
        return list(_variant_totals(what))

    def other_totals(self, what: Quantity) -> list[tuple[str, int]]:
        """What the built-in variants cost that this model may be confused with, itself left out."""
        name = self.traced.model
        if name not in VARIANTS or self.layer is not None or self.input is not None:
            return []
        return [(n, total) for n, total in _variant_totals(what) if n != name]

    def other_networks(self) -> list[tuple[str, tuple[CostedLayer, ...]]]:
        """The built-in variants of the same source with their layers, itself left out."""
        name = self.traced.model
        if name not in _FAMILY or self.layer is not None or self.input is not None:
            return []
        return [(other, _variant_layers(other)) for other in _FAMILY if other != name]


#: Networks that the exercises of the textbook compare.
_FAMILY = ("two-1x1", "one-1x1", "zero-1x1")


@functools.cache
def _variant_layers(name: str) -> tuple[CostedLayer, ...]:
    return costed_layers(trace(resolve(name), operators=meta_operators(), on_cpu=True))


def _within(layers: tuple[CostedLayer, ...], name: str) -> tuple[CostedLayer, ...]:
    return tuple(one for one in layers if one.name == name or one.name.startswith(f"{name}."))


@functools.cache
def _variant_totals(what: Quantity) -> tuple[tuple[str, int], ...]:
    """Each built-in variant's total for one input."""
    found = []
    for name in VARIANTS:
        layers = costed_layers(trace(resolve(name), operators=meta_operators(), on_cpu=True))
        found.append((name, sum(layer.cost.amount(what) for layer in layers)))
    return tuple(found)
