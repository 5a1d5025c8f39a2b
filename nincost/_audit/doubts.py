"""Where a wrong verdict is doubtful: the answer may be right, and its reading wrong.

An answer that states the right total, and beside it numbers that nothing explains, was more likely
misread than miscalculated. So is a sentence of which no number fits any layer. The audit then says
what it did not understand, and gives no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.figures.results import FigureGrade
from nincost._audit.labels import Labels
from nincost._audit.reading.expression import rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.words import is_wordless
from nincost._audit.results import Grade, GradedTerm

_NOT_EXPLAINED = frozenset(["unknown", "unexplained", "factor-misread"])
_FEWEST_DIGITS = 3
_INCIDENTAL = 1_000  # a smaller number is a size, or a number of things


def with_doubts(grade: Grade, part: Part, total: int, labels: Labels) -> Grade:
    """The grade; without a verdict, and with what was not understood, where it is doubtful.

    `total` is the right one, at the batch that was asked for. What names its layers is understood.
    """
    if grade.ok or grade.total_explanations or grade.not_understood:
        return grade
    named = {_text(part, line) for line in part.lines if labels.places(line.label)}
    wrong = [term for term in grade.terms if term.verdict in ("wrong", "extra")]
    strange = [term.text for term in wrong if _is_strange(term) and term.text not in named]
    if not grade.terms and grade.mistakes and grade.mistakes[0].key in _NOT_EXPLAINED:
        alone = [line for line in part.lines if line.node.value == grade.written]
        strange = [text for line in alone if (text := _text(part, line)) not in named]
    right = [term for term in grade.terms if term.verdict == "right"]
    prose = len(part.lines) > 1 and any(not is_wordless(line.label) for line in part.lines)
    stated = prose and _states(part, total)
    kinds = {mistake.key for mistake in grade.mistakes} - {"missing"}
    if stated and not strange and grade.arithmetic_errors and len(kinds) > 1:
        strange = [
            term.text for term in wrong
        ]  # several mistakes, and the right total all the same
    nothing_fits = bool(grade.terms) and 2 * len(strange) > len(wrong) and not right
    mostly_missing = len(grade.missing) > 2 * len(grade.terms)
    if not strange or not (stated or (nothing_fits and (grade.guessed or prose or mostly_missing))):
        return grade
    return replace(
        grade,
        not_understood=tuple(strange),
        terms=tuple(right),
        missing=(),
        mistakes=(),
        arithmetic_errors=(),
    )


def with_nothing_wrong(grade: Grade) -> Grade:
    """Of an answer in which each number is true: what is not understood is how they go together.

    Layers that are missing are missing all the same, and what is twice is there twice.
    """
    others = [term for term in grade.terms if term.verdict in ("wrong", "extra")]
    named = {mistake.key for mistake in grade.mistakes}
    if named <= {"missing", "twice"} and not grade.arithmetic_errors:
        return grade
    texts = [term.text for term in others or grade.terms]
    right = tuple(term for term in grade.terms if term not in others)
    return replace(
        grade, not_understood=tuple(texts), terms=right, missing=(), mistakes=(),
        arithmetic_errors=(),
    )  # fmt: skip


def is_incidental(grade: Grade, part: Part, figures: Sequence[FigureGrade], parts: int) -> bool:
    """Whether it is no amount at all: numbers of which no amount is said, beside other things.

    `with 128 pictures the activations need 781 MB`, `three 54x54x96 maps, 3.36 MB`.
    """
    if not grade.guessed or grade.ok or any(term.verdict == "right" for term in grade.terms):
        return False
    small = all(
        line.node.kind == "number" and line.node.value < _INCIDENTAL and not line.node.unit
        for line in part.lines
    )
    return bool(figures) or (parts > 1 and small and not part.claims)


def _text(part: Part, line: Line) -> str:
    return " ".join(part.text[line.node.start : line.node.end].split())


def _is_strange(term: GradedTerm) -> bool:
    """Whether it is explained by nothing, or only by two mistakes at once."""
    if term.verdict not in ("wrong", "extra") or not term.explanations:
        return False
    first = term.explanations[0].mistakes
    return len(first) > 1 or first[0].key in _NOT_EXPLAINED


def _states(part: Part, total: int) -> bool:
    """Whether the right total stands in it, exactly or in three digits."""
    stated = [(line.node.value, rounded_unit(line.node)) for line in part.lines]
    stated += [(claim.value, claim.unit) for line in part.lines for claim in line.claims]
    stated += [(claim.value, claim.unit) for claim in part.claims]
    return any(
        value == total
        or (
            unit
            and value >= unit * 10 ** (_FEWEST_DIGITS - 1)
            and stands_for(value, unit, Fraction(total))
        )
        for value, unit in stated
    )
