"""The answer to a question: figures of two or more cases beside each other, and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from nincost import _units as units
from nincost._chinese.translate import Lang
from nincost._explain.results import Sentence
from nincost._result import Result, Tabular

#: How a row's values are written: whole numbers, bytes, seconds, decimals, text.
Unit = Literal["count", "bytes", "seconds", "number", "text"]
Value = int | float | str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A column: its name in CSV and JSON, and its heading."""

    key: str
    heading: Sentence


@dataclass(frozen=True, slots=True)
class Figure:
    """A row: a quantity in each case; None where it is not known or there is none."""

    key: str
    heading: Sentence
    unit: Unit
    values: tuple[Value, ...]

    def cells(self) -> list[str]:
        """The values as people read them."""
        return [_cell(value, self.unit) for value in self.values]

    def to_dict(self, cases: tuple[Case, ...]) -> dict[str, Any]:
        keys = (case.key for case in cases)
        values = dict(zip(keys, self.values, strict=True))
        return {"quantity": self.key, "unit": self.unit, "values": values}


def _cell(value: Value, unit: Unit) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if unit == "seconds":
        return units.duration(value)
    if unit == "number" or isinstance(value, float):
        return f"{value:,.6g}"
    return units.size(value) if unit == "bytes" else units.exact(value)


@dataclass(frozen=True, slots=True, repr=False)
class ExplainedTopic(Result):
    """A question of readers, answered for a model. `print` it.

    Attributes:
        topic: its name, as the option has it.
        model, input, batch_size: what the figures are of; shapes as text, batch included. The
            topics of training's loss have no input.
        lang: the language of the words.
        question: what was asked.
        cases: the columns of the figures.
        figures: the rows, in counts, bytes, seconds.
        answers: sentences.
        environment: versions, as in every result.
    """

    renderers: ClassVar[str] = "explain_topic"

    topic: str
    model: str
    input: tuple[str, ...]
    batch_size: int
    lang: Lang
    question: Sentence
    cases: tuple[Case, ...]
    figures: tuple[Figure, ...]
    answers: tuple[Sentence, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "command": "explain",
            "topic": self.topic,
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "lang": self.lang,
            "environment": dict(self.environment),
            "question": self.question.text(self.lang),
            "cases": {case.key: case.heading.text(self.lang) for case in self.cases},
            "figures": [figure.to_dict(self.cases) for figure in self.figures],
            "answers": [answer.text(self.lang) for answer in self.answers],
        }

    def tabular(self) -> Tabular:
        """A row for each figure: its name, its unit, and its value in each case."""
        columns = ("quantity", "unit", *(case.key for case in self.cases))
        return Tabular(columns, tuple((f.key, f.unit, *f.values) for f in self.figures))

    def headline(self) -> dict[str, Any]:
        """The topic, the model and how many figures there are."""
        return {"topic": self.topic, "model": self.model, "figures": len(self.figures)}
