"""An answer in sentences: each number is graded by itself, and none is a term of a sum.

In prose numbers are costs of layers, their weights alone, what one output needs, another variant's
total, another amount's. Each is true where it is something of the model that its words may mean;
where all are, and the right total is among them, the answer is right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from nincost._audit.reading.expression import Node, rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.words import amount_in, says_each
from nincost._audit.subject import Subject
from nincost._audit.truths import compares, is_true, lists_other, said_times, truths_of
from nincost._closed_form.cost_terms import QUANTITIES, CostedLayer, Quantity

_FEW = 1_000
_LEAST_COST = 100  # the least that a layer may cost, where each is said to cost it
_SCALES = (
    (re.compile(r"million|百万|(?<![A-Za-z])M(?![A-Za-z])", re.IGNORECASE), 10**6),
    (re.compile(r"billion|(?<![A-Za-z])G(?![A-Za-z])", re.IGNORECASE), 10**9),
    (re.compile("万"), 10**4),
    (re.compile("亿"), 10**8),
)
#: `127.4 million for the 3x3 and 21.2 million`: said of the number before.
_OF_NUMBER_BEFORE = re.compile(
    r"^\W*(?:for|in|of|from|at|on)\b.*\b(?:and|plus|then)\b", re.IGNORECASE
)
#: `5×5 上`, `on the 54x54 grid`: no kernel.
_MAP_SIZE = re.compile(
    r"(?<![\d×x*])(\d{1,3})\s?[×x*]\s?\1\s*(?:的?(?:特征)?图?上|(?:grid|maps?)\b)", re.IGNORECASE
)
_VARIANTS = ("zero-1x1", "one-1x1", "two-1x1")
_ONE_LESS = re.compile(
    r"(?:remov\w*|drop\w*|without|tak\w+ away|leav\w+ out)\s+(?:just |only )?(?:one|a single)\b"
    r"|每?去掉(?:其中)?一个|删掉?一个|少一个|只留一个",
    re.IGNORECASE,
)
_BOTH_LESS = re.compile(
    r"(?:remov\w*|drop\w*|without|tak\w+ (?:away|out))\s+(?:both|the two|all)\b"
    r"|(?:remov\w*|drop\w*|tak\w+ (?:away|out))\s+the (?:second|other|remaining|last)\b"
    r"|再去掉|(?:去掉|删掉?)(?:第二个|另一个|剩下)"
    r"|都去掉|全部?去掉|去掉两个|两次",
    re.IGNORECASE,
)
_FROM = re.compile(r"(?:从|原来的?|\bfrom)\W*$", re.IGNORECASE)
#: No `\\b`: a Chinese character is a letter, too.
THOP = re.compile(r"(?<![A-Za-z])thop(?![A-Za-z])", re.IGNORECASE)


def total_said(part: Part, subject: Subject, what: Quantity, batch: int) -> Line | None:
    """The right total at a batch size alone, where every number of the part is true; else None."""
    layers, single = subject.layers(batch), subject.layers(1)
    if lists_other(part, layers, what):
        return None
    totals = {Fraction(sum(one.cost.amount(what) for one in own)) for own in (layers, single)}
    own = {line.batch for line in part.lines} - {None}
    if own - {batch}:
        return None
    if own:
        totals = {Fraction(sum(one.cost.amount(what) for one in layers))}
    found: Line | None = None
    followed = False  # whether a block was named, so that `the second` is one
    for line in (*part.lines, *part.remarks):
        followed = followed or len(truths_of(layers, what).labels.places(line.label)) > 1
        if not _is_true(line, part, subject, what, layers, single, followed=followed):
            return None
        for value, unit in _written(line):
            fits = any(stands_for(value, unit, total) for total in totals)
            if fits and value >= _FEW and found is None:
                found = _alone(value, unit, line.node.start, line.node.end)
    for claim in part.claims:
        known = (truths_of(layers, what), truths_of(single, what))
        if not any(one.of(claim.value, claim.unit, "") for one in known) and not _is_of_another(
            claim.value, claim.unit, single
        ):
            return None
        if claim.strict and not any(claim.fits(total) for total in totals):
            return None  # cut off, and said to be rounded
        if any(stands_for(claim.value, claim.unit, total) for total in totals):
            found = found or _alone(claim.value, claim.unit, claim.start, claim.end)
    return found


def may_be_true(line: Line, part: Part, subject: Subject, what: Quantity, batch: int) -> bool:
    """Whether a number may be something of the model, by its words."""
    layers, single = subject.layers(batch), subject.layers(1)
    return _is_true(line, part, subject, what, layers, single, followed=False)


def _alone(value: Fraction, unit: Fraction, start: int, end: int) -> Line:
    return Line("", Node("number", value, (), start, end, unit=unit))


def _written(line: Line) -> Iterator[tuple[Fraction, Fraction]]:
    yield line.node.value, rounded_unit(line.node)
    yield from ((claim.value, claim.unit) for claim in line.claims)


def _is_true(
    line: Line, part: Part, subject: Subject, what: Quantity,
    layers: tuple[CostedLayer, ...], single: tuple[CostedLayer, ...], *, followed: bool,
) -> bool:  # fmt: skip
    line = replace(line, label=_own_words(line.label))
    each = line.node.kind == "number" and line.node.value >= _LEAST_COST and says_each(line.label)
    if each and not truths_of(single, what).of(line.node.value, rounded_unit(line.node), ""):
        return int(line.node.value) in truths_of(single, what).sizes
    if is_true(line, part.text, layers, what, single, followed=followed):
        return True
    if line.claims:
        return False
    value, unit = line.node.value, rounded_unit(line.node)
    words = f"{line.label} {line.after}"
    known = (truths_of(layers, what), truths_of(single, what))
    ways = [Fraction(times) for times in said_times(words)]
    if value < _FEW and unit:  # `less than a million (0.87)`
        ways += [Fraction(1, scale) for pattern, scale in _SCALES if pattern.search(words)]
    for more in ways:
        if any(
            (more <= 1 or stands_for(value / more, unit / more, Fraction(one.total)))
            and one.of(value / more, unit / more, line.label, line.after, followed=followed)
            for one in known
        ):
            return True
    if amount_in(words) is None and _is_of_another(value, unit, single):
        return True
    if compares(part.text) and any(
        _is_of_variant(value / more, unit / more, part.text, subject, what) for more in ways
    ):
        return True
    thop = Fraction(by_thop(layers, what)) if THOP.search(part.text) else Fraction(0)
    return bool(thop) and stands_for(value, unit, thop)


def _own_words(label: str) -> str:
    """The words before a number that are its own: no size of a map, nor `for the 3x3 and`."""
    return _MAP_SIZE.sub(" ", _OF_NUMBER_BEFORE.sub(" ", label))


def _is_of_another(value: Fraction, unit: Fraction, layers: tuple[CostedLayer, ...]) -> bool:
    """Whether it is the model's total of another amount, of which no words say another."""
    if value < _FEW:
        return False
    totals = (sum(one.cost.amount(what) for one in layers) for what in QUANTITIES)
    return any(stands_for(value, unit, Fraction(total)) for total in totals)


def compares_only(part: Part, subject: Subject, what: Quantity) -> bool:
    """Whether it says nothing but other variants' totals, and by how much they differ."""
    said = [pair for line in (*part.lines, *part.remarks) for pair in _written(line)]
    said += [(claim.value, claim.unit) for claim in part.claims]
    return all(_is_of_variant(value, unit, part.text, subject, what) for value, unit in said)


def without_compared(part: Part, subject: Subject) -> Part:
    """The part without other variants' totals and differences that are said to be such.

    `223054 fewer than the 1992166 of before` are no terms of a sum.
    """
    whats = QUANTITIES if part.what is None else (part.what,)

    def is_compared(line: Line) -> bool:
        own = line.own or line.label
        return (compares(own) or bool(_FROM.search(own))) and line.node.kind == "number" and any(
            _is_of_variant(value, unit, part.text, subject, what)
            for value, unit in _written(line)
            for what in whats
        )  # fmt: skip

    lines = [line for line in part.lines if not is_compared(line)]
    return replace(part, lines=lines) if lines else part


def _is_of_variant(
    value: Fraction, unit: Fraction, text: str, subject: Subject, what: Quantity
) -> bool:
    """Whether it is another built-in variant's total, or by how much that differs."""
    own = sum(one.cost.amount(what) for one in subject.layers(1))
    return any(
        stands_for(value, unit, Fraction(one))
        for total in totals_compared(text, subject, what)
        for one in (total, abs(total - own))
    )


def totals_compared(text: str, subject: Subject, what: Quantity) -> list[int]:
    """The totals of the variants that a text may compare the model with.

    Where it says that one 1x1 layer is removed, or both, these are the variant's with as many less.
    """
    others = dict(subject.other_totals(what))
    fewer = 1 if _ONE_LESS.search(text) else 2 if _BOTH_LESS.search(text) else 0
    if _ONE_LESS.search(text) and _BOTH_LESS.search(text):
        fewer = 0
    own = _VARIANTS.index(subject.traced.model) if subject.traced.model in _VARIANTS else 0
    if fewer and own == len(_VARIANTS) - 1:  # of the book's model, and of no other one
        return [others[_VARIANTS[own - fewer]]]
    return list(others.values())


def by_thop(layers: tuple[CostedLayer, ...], what: Quantity) -> int:
    """The MACs that thop gives: it counts a global pool's additions, and one division each."""
    if what != "macs":
        return 0
    total, size = 0, (1, 1)
    for layer in layers:
        total += layer.cost.amount(what)
        if layer.cost.type.startswith("AdaptiveAvgPool"):
            total += math.prod(layer.cost.output) * (math.prod(size) + 1)
        if len(layer.cost.output) == 4:
            size = (layer.cost.output[2], layer.cost.output[3])
    return total
