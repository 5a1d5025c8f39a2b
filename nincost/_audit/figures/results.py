"""The grades of statements about memory, shapes, receptive fields, shares: plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nincost._audit.interpretations import Mistake

FigureKind = Literal["memory", "shapes", "fields", "shares"]
#: `not sure`: something was not understood, so that neither can be said.
Verdict = Literal["right", "wrong", "not sure"]


def verdict_of(mistakes: Sequence[Mistake], *, named: bool) -> Verdict:
    """Not sure where nothing explains it and its own words do not say which layer is meant."""
    if not mistakes:
        return "right"
    return "not sure" if mistakes[0].key == "unexplained" and not named else "wrong"


@dataclass(frozen=True, slots=True)
class GradedFigure:
    """One statement, graded.

    Attributes:
        text: as it was written.
        subject: what it is about: a layer's name, or the kind of memory.
        written: the value, as text.
        expected: the right one, or the nearest of several that are.
        verdict: right, wrong, or not sure where it is not understood what it is about.
        mistakes: what led to a wrong one, the likeliest first.
        formula: how the expected value is made.
        notes: what should be known beside it, such as what `nincost memory` predicts.
    """

    text: str
    subject: str
    written: str
    expected: str
    verdict: Verdict
    mistakes: tuple[Mistake, ...] = ()
    formula: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "subject": self.subject,
            "written": self.written,
            "expected": self.expected,
            "verdict": self.verdict,
            "mistakes": [one.key for one in self.mistakes],
            "detail": "; ".join(one.detail for one in self.mistakes),
            "formula": self.formula,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class FigureGrade:
    """All statements of one kind. `ok` where each is right."""

    what: FigureKind
    figures: tuple[GradedFigure, ...]

    @property
    def ok(self) -> bool:
        return self.verdict == "right"

    @property
    def verdict(self) -> Verdict:
        """`wrong` where a statement is; else `not sure` where one was not understood."""
        verdicts = [figure.verdict for figure in self.figures]
        return next((one for one in ("wrong", "not sure") if one in verdicts), "right")  # type: ignore[return-value]

    def mistakes(self) -> Iterator[tuple[Mistake, list[str]]]:
        """Each kind of mistake once, with what it was made in."""
        found: dict[str, tuple[Mistake, list[str]]] = {}
        for figure in self.figures:
            for one in figure.mistakes[: figure.verdict == "wrong"]:
                found.setdefault(one.key, (one, []))[1].append(figure.subject)
        yield from found.values()

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "ok": self.ok,
            "verdict": self.verdict,
            "mistakes": [
                {"mistake": one.key, "title": one.title, "layers": subjects}
                for one, subjects in self.mistakes()
            ],
            "figures": [figure.to_dict() for figure in self.figures],
        }
