"""The result of an audit: plain values that renderers draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from nincost._audit.figures.results import FigureGrade, GradedFigure, Verdict
from nincost._audit.interpretations import Mistake
from nincost._audit.reading.parts import Unread
from nincost._chinese.translate import Lang
from nincost._closed_form.cost_terms import Quantity
from nincost._result import Result, Tabular

#: The columns of an audit's CSV: a row for each term, each layer that is missing, and each total.
AUDIT_COLUMNS = (
    "what", "term", "value", "layers", "expected", "verdict", "mistakes", "detail", "correction",
)  # fmt: skip

TermVerdict = Literal["right", "adds up", "wrong", "extra"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The mistakes that together lead to a value: one, or two."""

    mistakes: tuple[Mistake, ...]

    @property
    def title(self) -> str:
        return " and ".join(mistake.title for mistake in self.mistakes)

    @property
    def detail(self) -> str:
        return "; ".join(mistake.detail for mistake in self.mistakes if mistake.detail)

    def to_dict(self) -> dict[str, Any]:
        return {
            "mistakes": [mistake.key for mistake in self.mistakes],
            "title": self.title,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class GradedTerm:
    """A stretch of the answer and what it stands for.

    Attributes:
        text: as it was written.
        value: an int, or a float where it is not a whole number; all copies together.
        layers: what it stands for; empty where it belongs to no layer.
        expected: what those layers cost.
        verdict: `right`; `adds up` where the whole answer is right, and so this is too, though it
            is written in a way that shows no layer; `wrong`; `extra` for a layer counted once too
            often and for what belongs to no layer.
        explanations: for a wrong or extra term, the likeliest first.
        correction: what should stand there.
    """

    text: str
    value: int | float
    layers: tuple[str, ...]
    expected: int | None
    verdict: TermVerdict
    explanations: tuple[Explanation, ...] = ()
    correction: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "value": self.value,
            "layers": list(self.layers),
            "expected": self.expected,
            "verdict": self.verdict,
            "explanations": [explanation.to_dict() for explanation in self.explanations],
            "correction": self.correction,
        }


@dataclass(frozen=True, slots=True)
class MissingLayer:
    """A layer that costs something and is not in the answer."""

    layer: str
    expected: int
    correction: str

    def to_dict(self) -> dict[str, Any]:
        return {"layer": self.layer, "expected": self.expected, "correction": self.correction}


@dataclass(frozen=True, slots=True)
class MistakeCount:
    """One kind of mistake over the whole answer: where, and how far it takes the sum off.

    `difference` is None where the terms have other mistakes as well.
    """

    key: str
    title: str
    layers: tuple[str, ...]
    difference: int | float | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "mistake": self.key,
            "title": self.title,
            "layers": list(self.layers),
            "difference": self.difference,
        }


@dataclass(frozen=True, slots=True)
class Grade:
    """One quantity (params, macs or flops), graded.

    Attributes:
        ok: the value is right, and so is the total claimed, if one is.
        guessed: the answer does not say which quantity it is about; the one that fits best was
            taken.
        written: what the terms add up to.
        claimed: the total that the answer states (after `=`, or as `total:`); None without one.
        claim_ok: the claim is the terms' sum, as far as its digits go.
        expected: the right total.
        arithmetic_errors: sums that are not the total or subtotal stated for them, in words.
        total_explanations: for an answer that is one wrong number, what may lead to it.
        corrected: the right calculation.
        not_understood: what no verdict is possible for; the terms are then the right ones alone.
        far_off: a stated sum is so far from the terms' that it was more likely none of them.
    """

    what: Quantity
    ok: bool
    guessed: bool
    written: int | float
    claimed: int | float | None
    claim_ok: bool
    expected: int
    terms: tuple[GradedTerm, ...]
    missing: tuple[MissingLayer, ...]
    mistakes: tuple[MistakeCount, ...]
    arithmetic_errors: tuple[str, ...]
    total_explanations: tuple[Explanation, ...]
    corrected: str
    not_understood: tuple[str, ...] = ()
    far_off: bool = False

    @property
    def verdict(self) -> Verdict:
        return "right" if self.ok else "not sure" if self.not_understood else "wrong"

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "ok": self.ok,
            "verdict": self.verdict,
            "not_understood": list(self.not_understood),
            "guessed": self.guessed,
            "totals": {
                "written": self.written,
                "claimed": self.claimed,
                "expected": self.expected,
            },
            "claim_ok": self.claim_ok,
            "mistakes": [mistake.to_dict() for mistake in self.mistakes],
            "arithmetic_errors": list(self.arithmetic_errors),
            "total_explanations": [e.to_dict() for e in self.total_explanations],
            "terms": [term.to_dict() for term in self.terms],
            "missing": [layer.to_dict() for layer in self.missing],
            "corrected": self.corrected,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Audit(Result):
    """A graded answer. `ok` where everything in it is right.

    Attributes:
        model, input, batch_size: what it is about; `layer` where that alone is asked about.
        grades: parameters, MACs and FLOPs.
        figures: memory, output shapes and receptive fields.
        unread: lines with numbers that could not be read.
        notes: what a reader should know.
    """

    renderers: ClassVar[str] = "audit"

    model: str
    input: tuple[str, ...]
    batch_size: int
    grades: tuple[Grade, ...]
    figures: tuple[FigureGrade, ...] = ()
    layer: str | None = None
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    lang: Lang | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        return self.verdict == "right"

    @property
    def verdict(self) -> Verdict:
        """`wrong` where anything is; else `not sure` where something was not understood."""
        verdicts = [*(one.verdict for one in self.grades), *(one.verdict for one in self.figures)]
        return next((one for one in ("wrong", "not sure") if one in verdicts), "right")  # type: ignore[return-value]

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "command": "audit",
            "model": self.model,
            "input": list(self.input),
            "batch_size": self.batch_size,
            "layer": self.layer,
            "ok": self.ok,
            "verdict": self.verdict,
            "environment": dict(self.environment),
            "totals": {grade.what: grade.expected for grade in self.grades},
            "answers": [
                *(grade.to_dict() for grade in self.grades),
                *(figures.to_dict() for figures in self.figures),
            ],
            "unread": [{"text": one.text, "reason": one.reason} for one in self.unread],
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """The rows; the likeliest explanation's mistakes are joined with `;`."""
        rows = [row for grade in self.grades for row in _rows(grade)]
        for kind in self.figures:
            rows += [_figure_row(kind, figure) for figure in kind.figures]
        return Tabular(AUDIT_COLUMNS, tuple(rows))

    def headline(self) -> dict[str, Any]:
        """The model, the verdict, and the right total of each quantity that was graded."""
        expected: dict[str, Any] = {grade.what: grade.expected for grade in self.grades}
        return {"model": self.model, "ok": self.ok, **expected}


def _figure_row(grade: FigureGrade, figure: GradedFigure) -> tuple[Any, ...]:
    """A statement about memory, a shape or a receptive field under `AUDIT_COLUMNS`."""
    return (
        grade.what, figure.text, figure.written, figure.subject, figure.expected, figure.verdict,
        ";".join(one.key for one in figure.mistakes),
        "; ".join(one.detail for one in figure.mistakes), figure.formula,
    )  # fmt: skip


def _rows(grade: Grade) -> Iterator[tuple[Any, ...]]:
    """One quantity under `AUDIT_COLUMNS`."""
    for term in grade.terms:
        first = term.explanations[0] if term.explanations else None
        yield (
            grade.what, term.text, term.value, ";".join(term.layers), term.expected, term.verdict,
            ";".join(mistake.key for mistake in first.mistakes) if first else "",
            first.detail if first else "", term.correction,
        )  # fmt: skip
    for layer in grade.missing:
        yield (
            grade.what, "", 0, layer.layer, layer.expected, "missing", "missing", "",
            layer.correction,
        )  # fmt: skip
    yield (
        grade.what, "total", grade.written, "", grade.expected, grade.verdict,
        ";".join(m.key for m in grade.mistakes), "; ".join(grade.arithmetic_errors),
        grade.corrected,
    )  # fmt: skip
