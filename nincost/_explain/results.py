"""The result of explaining: each layer's numbers with the formulas that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nincost._chinese.translate import Lang
from nincost._explain.output_size import SizeWorking
from nincost._explain.phrases import say
from nincost._explain.receptive_field import ReceptiveField, ReceptiveFields
from nincost._result import Result, Tabular
from nincost._trace.records import Shape

#: The columns of an explanation's CSV: a row for each layer, formulas as text.
EXPLAIN_COLUMNS = (
    "layer", "type", "input_shape", "output_shape", "size_formula", "unread", "params_letters",
    "params_numbers", "params", "weights", "biases", "macs_letters", "macs_numbers", "macs",
    "activation_elements", "activation_bytes", "field_size", "field_stride", "field_first",
    "field_center",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WorkedNumber:
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
        sizes: the working of each spatial size of the output; empty where nothing slides.
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
    params: WorkedNumber
    macs: WorkedNumber
    weights: int
    biases: int
    activation_elements: int
    activation_bytes: int
    field: ReceptiveFields
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


def _field(one: ReceptiveField) -> dict[str, Any]:
    return {
        "size": one.size,
        "stride": one.stride,
        "first": one.first,
        "center": one.center,
        "union_of_branches": one.united,
    }


@dataclass(frozen=True, slots=True, repr=False)
class Explained(Result):
    """A network, or a part of it, worked out by hand. `print` it.

    Attributes:
        model, input, batch_size: what was explained; shapes as text, batch included.
        lang: the language of the words.
        layers: in order of execution.
        totals: `params`, `macs`, `flops`, `activation_elements` of what is shown.
        notes: on the network as a whole; none where a part was asked for.
        environment: versions, as in every result.
    """

    renderers: ClassVar[str] = "explain"

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

    def tabular(self) -> Tabular:
        """A row for each layer; sizes of several dimensions are joined with `;`."""
        return Tabular(EXPLAIN_COLUMNS, tuple(_values(layer) for layer in self.layers))

    def headline(self) -> dict[str, Any]:
        """The model, its input, how many layers are worked out, and the totals."""
        return {
            "model": self.model,
            "input": ", ".join(self.input),
            "layers": len(self.layers),
            "params": self.totals["params"],
            "macs": self.totals["macs"],
        }


def _values(layer: ExplainedLayer) -> tuple[Any, ...]:
    """A layer under `EXPLAIN_COLUMNS`."""
    fields = layer.field or ()
    return (
        layer.layer, layer.type, str(layer.input_shape), str(layer.output_shape),
        ";".join(size.formula for size in layer.sizes),
        ";".join(str(size.unread) for size in layer.sizes),
        layer.params.letters, layer.params.numbers, layer.params.value, layer.weights,
        layer.biases, layer.macs.letters, layer.macs.numbers, layer.macs.value,
        layer.activation_elements, layer.activation_bytes,
        ";".join(str(f.size) for f in fields), ";".join(str(f.stride) for f in fields),
        ";".join(str(f.first) for f in fields), ";".join(f"{f.center:g}" for f in fields),
    )  # fmt: skip
