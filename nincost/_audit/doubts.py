"""Where a wrong verdict is doubtful: the answer may be right, and its reading wrong.

An answer that states the right total, and beside it numbers that nothing explains, was more likely
misread than miscalculated. So is a sentence of which no number fits any layer. The audit then says
what it did not understand, and gives no verdict.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.figures.results import FigureGrade
from nincost._audit.labels import Labels
from nincost._audit.reading.expression import rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.words import is_wordless
from nincost._audit.results import Grade, GradedTerm
from nincost._audit.truths import truths_of
from nincost._closed_form.cost_terms import QUANTITIES, CostedLayer

_NOT_EXPLAINED = frozenset(["unknown", "unexplained", "factor-misread"])
_FEWEST_DIGITS = 3
_TELLING = 100_000  # a number of six digits does not stand there by chance
_INCIDENTAL = 1_000  # a smaller number is a size, or a number of things
_MOST_SUMS = 80
#: By which a number may be smaller than what it stands for, where its unit was not read.
_SCALES = (1, 10**3, 10**4, 10**6, 10**8, 10**9)


def with_doubts(
    grade: Grade, part: Part, total: int, labels: Labels, layers: tuple[CostedLayer, ...]
) -> Grade:
    """The grade; without a verdict, and with what was not understood, where it is doubtful.

    `total` is the right one, at the batch that was asked for; `layers` are those at batch 1. What
    names its layers is understood.
    """
    grade = _with_sums_read(with_other_units(grade, part, layers))
    grade = _with_terms_read(grade)
    if grade.ok or grade.not_understood or grade.total_explanations:
        return grade
    named = {_text(part, line) for line in part.lines if labels.places(line.label)}
    wrong = _wrong_terms(grade)
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
        return _with_total_written(grade, part, total, named)
    return _without_verdict(grade, strange)


def _with_sums_read(grade: Grade) -> Grade:
    """The grade; without a verdict where all that is wrong is a sum that nobody adds up so.

    `block 3 = (1,032,960)`, and below it `30,720`: no sum was stated there.
    """
    if grade.ok or grade.not_understood or not grade.far_off or grade.claimed == grade.expected:
        return grade
    wrong = _wrong_terms(grade)
    if any(not _is_strange(term) for term in wrong):
        return grade
    return _without_verdict(grade, grade.arithmetic_errors)


#: Words within a term, but for its unit, and signs of a list or a session.
_WORDS_IN_TERM = re.compile(
    r"(?<![A-Za-z\\])(?!params?|parameters?|weights?|bias|MACs?|FLOPs?|mult|adds?|million|billion"
    r"|thousand|bytes?|times|and)[A-Za-z]{3,}|[\u4e00-\u9fff]{2,}\D{0,9}\d|>>>|\||(?<![\d)]) - - ",
    re.IGNORECASE,
)
#: What another reading of the same numbers may look like.
_OF_READING = _NOT_EXPLAINED | {"missing", "twice", "other-amount"}


def _with_terms_read(grade: Grade) -> Grade:
    """The grade; without a verdict where what is wrong was cut out of the text in a wrong way.

    Words stand in a term, or numbers of another amount among right ones of this.
    """
    if grade.ok or grade.not_understood or grade.total_explanations:
        return grade
    wrong = _wrong_terms(grade)
    right = len(grade.terms) - len(wrong)
    broken = [
        term for term in wrong
        if _WORDS_IN_TERM.search(term.text) or (right and _is_of_other_amount(term))
    ]  # fmt: skip
    if not broken or any(one not in broken and not _is_strange(one) for one in wrong):
        return grade
    return _without_verdict(grade, [term.text for term in broken])


def _is_of_other_amount(term: GradedTerm) -> bool:
    first = term.explanations[0].mistakes if term.explanations else ()
    alone = bool(re.fullmatch(r"[\d,.]+\W*", term.text))  # a calculation was meant so
    return alone and [one.key for one in first] == ["other-amount"] and term.value >= _INCIDENTAL


def _with_total_written(grade: Grade, part: Part, total: int, understood: set[str]) -> Grade:
    """The grade; without a verdict where the right total stands in the text to its last digit, and
    nothing speaks against it but how other numbers were put together."""
    named = {mistake.key for mistake in grade.mistakes}
    if grade.total_explanations or len(part.lines) < 2 or not named or not named <= _OF_READING:
        return grade
    if grade.arithmetic_errors and not grade.far_off:
        return grade
    written = {re.sub(r"\D", "", match[0]) for match in _WHOLE_NUMBER.finditer(part.text)}
    if total < _TELLING or str(total) not in written:
        return grade
    wrong = [term.text for term in _wrong_terms(grade)]
    if understood.intersection(wrong):
        return grade
    return _without_verdict(grade, wrong or [term.text for term in grade.terms] or [f"{total:,}"])


_WHOLE_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]*\d)|(?<![\d.,])\d{5,}(?!\d)")


def _wrong_terms(grade: Grade) -> list[GradedTerm]:
    return [term for term in grade.terms if term.verdict in ("wrong", "extra")]


def _without_verdict(grade: Grade, not_understood: Sequence[str]) -> Grade:
    right = [term for term in grade.terms if term.verdict == "right"]
    return replace(
        grade, not_understood=tuple(not_understood), terms=tuple(right), missing=(), mistakes=(),
        total_explanations=(), arithmetic_errors=(),
    )  # fmt: skip


def with_other_units(grade: Grade, part: Part, layers: tuple[CostedLayer, ...]) -> Grade:
    """The grade; without a verdict where all that is wrong is right in a unit that was not read.

    `33.87` below a heading in millions, `87.62M` of a table whose column was not known, parts of
    parts that are listed beside them, MACs with the additions of the biases as torchinfo counts
    them.
    """
    if grade.ok or grade.not_understood:
        return grade
    wrong = _wrong_terms(grade)
    texts = {term.text for term in wrong if _is_strange(term)}
    lines = [line for line in part.lines if _text(part, line) in texts]
    if not grade.terms and grade.mistakes and grade.mistakes[0].key in _NOT_EXPLAINED:
        lines = [line for line in part.lines if line.node.value == grade.written]
    elif len(texts) < len({term.text for term in wrong}):
        return grade
    telling = sum(_digits(line) >= _FEWEST_DIGITS for line in lines)
    if 2 * telling <= len(lines) or not all(_is_true_otherwise(line, layers) for line in lines):
        return grade
    return _without_verdict(grade, [_text(part, line) for line in lines])


def _is_true_otherwise(line: Line, layers: tuple[CostedLayer, ...]) -> bool:
    value, unit = line.node.value, _last_digit(line)
    known = [truths_of(layers, what) for what in QUANTITIES]
    if any(one.of(value * scale, unit * scale, line.label) for one in known for scale in _SCALES):
        return True
    return any(stands_for(value, unit, Fraction(one)) for one in runs_with_biases(layers))


def _last_digit(line: Line) -> Fraction:
    """What the last digit is worth: of a number without a unit, too, and of a sum."""
    node = line.node
    unit = rounded_unit(node) or sum(map(rounded_unit, node.parts), Fraction(0))
    if not unit and node.value.denominator > 1:
        unit = Fraction(1, 10 ** (len(str(node.value.denominator)) - 1))
    return unit


def _digits(line: Line) -> int:
    return len(str(int(line.node.value / (_last_digit(line) or 1))))


@functools.lru_cache(maxsize=16)
def runs_with_biases(layers: tuple[CostedLayer, ...]) -> dict[int, int]:
    """MACs with an addition for each output value, of layers that follow each other, and how many
    these additions are."""
    costly = [one.cost for one in layers if one.cost.amount("macs")]
    added = [0, *itertools.accumulate(math.prod(cost.output) for cost in costly)][:_MOST_SUMS]
    macs = [0, *itertools.accumulate(cost.amount("macs") for cost in costly)][:_MOST_SUMS]
    pairs = itertools.combinations(range(len(macs)), 2)
    more = {(a, b): added[b] - added[a] for a, b in pairs}
    return {macs[b] - macs[a] + extra: extra for (a, b), extra in more.items()}


def with_nothing_wrong(grade: Grade) -> Grade:
    """Of an answer in which each number is true: what is not understood is how they go together.

    Layers that are missing are missing all the same, and what is twice is there twice.
    """
    others = _wrong_terms(grade)
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
