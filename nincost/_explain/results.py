"""The result of explaining: each layer's numbers with the formulas that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nincost._explain.output_size import SizeWorking
from nincost._explain.phrases import Lang, say
from nincost._explain.receptive_field import Field, Fields
from nincost._trace.records import Shape


@dataclass(frozen=True, slots=True)
class Formula:
    """A number with its formula: with symbols (`letters`), and with the numbers put in."""

    letters: str
    numbers: str
    value: int

    def to_dict(self) -> dict[str, Any]:
        return {"letters": self.letters, "numbers": self.numbers, "value": self.value}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A key of `phrases.PHRASES` and its values: a sentence in either language."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: Lang) -> str:
        return say(lang, self.key, **self.values)


@dataclass(frozen=True, slots=True)
class ExplainedLayer:
    """A layer's working.

    Attributes:
        layer, type: as in a profile.
        input_shape, output_shape: of its first call.
        sizes: how each spatial size of the output comes about; empty where nothing slides.
        params, macs: with their formulas; the letters are empty where there is no hand formula.
        weights, biases: what the parameters are made of.
        activation_elements, activation_bytes: of its output, if it makes new memory, else 0.
        field: the input pixels that one output pixel depends on; None where that may be all of
            them, empty where the model's input has no pixels.
        size_key: the phrase for the size where nothing slides.
        notes: where readers stumble.
    """

    layer: str
    type: str
    input_shape: Shape
    output_shape: Shape
    sizes: tuple[SizeWorking, ...]
    params: Formula
    macs: Formula
    weights: int
    biases: int
    activation_elements: int
    activation_bytes: int
    field: Fields
    size_key: str
    notes: tuple[Sentence, ...]

    def to_dict(self, lang: Lang) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "type": self.type,
            "input_shape": str(self.input_shape),
            "output_shape": str(self.output_shape),
            "size": [size.to_dict() for size in self.sizes],
            "params": self.params.to_dict(),
            "weights": self.weights,
            "biases": self.biases,
            "macs": self.macs.to_dict(),
            "activation_elements": self.activation_elements,
            "activation_bytes": self.activation_bytes,
            "receptive_field": None if self.field is None else [_field(f) for f in self.field],
            "notes": [note.text(lang) for note in self.notes],
        }


def _field(one: Field) -> dict[str, Any]:
    return {
        "size": one.size,
        "stride": one.stride,
        "first": one.first,
        "center": one.center,
        "union_of_branches": one.united,
    }


@dataclass(frozen=True, slots=True)
class Explained:
    """A network, or a part of it, worked out by hand. `print` it.

    Attributes:
        model, input, batch_size: what was explained; shapes as text, batch included.
        lang: the language of the words.
        layers: in order of execution.
        totals: `params`, `macs`, `flops`, `activation_elements` of what is shown.
        notes: on the network as a whole; none where a part was asked for.
        environment: versions, as in every result.
    """

    model: str
    input: tuple[str, ...]
    batch_size: int
    lang: Lang
    layers: tuple[ExplainedLayer, ...]
    totals: Mapping[str, int]
    notes: tuple[Sentence, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "command": "explain",
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "lang": self.lang,
            "environment": dict(self.environment),
            "totals": dict(self.totals),
            "layers": [layer.to_dict(self.lang) for layer in self.layers],
            "notes": [note.text(self.lang) for note in self.notes],
        }

    def to_json(self) -> str:
        from nincost._render import json

        return json.render(self)

    def to_markdown(self) -> str:
        from nincost._render.explain import markdown as explain_markdown

        return explain_markdown.render(self)

    def __str__(self) -> str:
        from nincost._render.explain import table as explain_table

        return explain_table.render(self, width=100)

    def _repr_html_(self) -> str:
        from nincost._render import html_text

        return html_text.as_text(self)
