"""Grades one part of an answer: matches it with the model's layers and says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.corrections import whole_text
from nincost._audit.graded_terms import (
    graded_terms,
    missing_layers,
    mistake_counts,
    plain_number,
)
from nincost._audit.interpretations import Interpretation, Mistake
from nincost._audit.labelled import labels_of, match_part
from nincost._audit.layer_groups import LayerGroups
from nincost._audit.mistakes import MISTAKE_KINDS, Question
from nincost._audit.pairs import Matching
from nincost._audit.reading.expression import Claim, rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.results import Explanation, Grade
from nincost._audit.slips import slip
from nincost._audit.split_terms import addends
from nincost._audit.truths import truths_of
from nincost._audit.weights import Weights
from nincost._audit.wrong_total import OtherTotals, explain_total
from nincost._closed_form.cost_terms import QUANTITIES, CostedLayer, Quantity

DEFAULT_WEIGHTS = Weights()
_MOST_COPIES = 9
#: By which factor a sum may be wrong; more is a unit, or another number altogether.
_MOST_OFF = 8
_NEAR = Fraction(1, 10)


def grade(
    part: Part,
    layers: Sequence[CostedLayer],
    question: Question,
    *,
    guessed: bool = False,
    weights: Weights = DEFAULT_WEIGHTS,
    other_totals: OtherTotals | None = None,
) -> tuple[Grade, float]:
    """The grade, and how unlikely it is that the answer is about this quantity at all.

    `guessed`: the answer does not say which quantity it is about, so that this one is a try.
    `other_totals` gives the totals of models that this one may be confused with.

    Raises:
        ExpressionError: it has more terms than are read.
    """
    what = question.what
    matching, groups = _likeliest(part, layers, question, weights)
    _name_what_costs_nothing(part, matching, layers, what)
    expected = Fraction(sum(groups.amounts))
    bare = _bare(part)
    written = part.value
    pieces = [piece for pair in matching.pairs for piece in pair.pieces]
    if bare:
        right = stands_for(written, bare.node.unit, expected)
    elif any(piece.written is not None for piece in pieces):
        right = all(pair.right for pair in matching.pairs) and not matching.missing
    else:
        right = written == expected
    right = right and not matching.wrong_name
    slack = sum((rounded_unit(line.node) for line in part.lines), Fraction(0)) + _slack(pieces)
    wrong = _wrong_sums(part, slack)
    sums = [words for words, _ in wrong]
    claim = part.claims[-1] if part.claims and not _is_subtotal(part, part.claims[-1]) else None
    claim_ok = claim is None or _fits(claim, written, slack) or bool(bare and claim.fits(expected))
    terms = graded_terms(part, matching, groups, right)
    missing = () if right else missing_layers(matching, layers, what)
    total_explanations: tuple[Explanation, ...] = ()
    whole = bare or _one_unknown(part, matching)
    rounded_wrong = bool(bare and bare.node.unit and not any(p.right for p in matching.pairs))
    if whole and not right and (rounded_wrong or not _is_layer(matching)):
        total_explanations = explain_total(
            written, whole.node.unit, layers, question, weights, other_totals
        )
        if bare or total_explanations:
            terms, missing = (), ()
    result = Grade(
        what=what,
        ok=right and claim_ok and not sums,
        guessed=guessed,
        written=plain_number(written),
        claimed=plain_number(claim.value) if claim else None,
        claim_ok=claim_ok,
        expected=int(expected),
        terms=terms,
        missing=missing,
        mistakes=() if right else mistake_counts(matching, missing, groups, total_explanations),
        arithmetic_errors=tuple(sums),
        far_off=any(far for _, far in wrong),
        total_explanations=total_explanations,
        corrected=whole_text(layers, what),
    )
    return result, (0.0 if result.ok else matching.penalty)


def _likeliest(
    part: Part, layers: Sequence[CostedLayer], question: Question, weights: Weights
) -> tuple[Matching, LayerGroups]:
    """The matching as an answer to the question, or as one to another with one mistake in all.

    MACs given as FLOPs are one mistake and not one in each term, and a student's factor 2 for two
    layers is then none for FLOPs.
    """
    best, groups = match_part(part, layers, question, weights)
    if not best.penalty or _bare(part):
        return best, groups
    for what in QUANTITIES:
        if what != question.what and _may_be(part, layers, what):
            tried, _ = match_part(part, layers, replace(question, what=what), weights)
            key, words = _confused(question.what, what)
            once = MISTAKE_KINDS[key].penalty
            if tried.penalty + once < best.penalty - 1e-9 and _mostly_right(tried):
                best = _with_one_mistake(tried, Mistake(key, words), once)
    return best, groups


def _name_what_costs_nothing(
    part: Part, matching: Matching, layers: Sequence[CostedLayer], what: Quantity
) -> None:
    """A term that no layer explains, on a line that names a pool or the like: it has no cost."""
    labels = labels_of(tuple(layers))
    for pair in matching.pairs:
        if pair.places or pair.interpretations:
            continue
        start = pair.pieces[0].start
        names = [one.label for one in part.lines if one.node.start <= start <= one.node.end]
        place = labels.costs_nothing(names[0]) if names else None
        if place is None or layers[place].cost.amount(what):
            continue
        words = f"{layers[place].cost.type} has no {'parameters' if what == 'params' else 'MACs'}"
        mistake = Mistake("costs-nothing", words)
        pair.interpretations = (Interpretation(int(pair.pieces[0].value), (), (mistake,), 1.0),)


def _may_be(part: Part, layers: Sequence[CostedLayer], what: Quantity) -> bool:
    """Whether two terms or more can be right for another quantity: quick, before any matching."""
    amounts = truths_of(tuple(layers), what).places_of
    count = 0
    for line in part.lines:
        for node in addends(line.node):
            if node.unit or node.kind == "sum" or any(p.kind == "sum" for p in node.parts):
                return True
            copies = (1, *(int(p.value) for p in node.parts if 2 <= p.value <= _MOST_COPIES))
            count += max((n for n in copies if node.value / n in amounts), default=0)
    return count >= 2


def _mostly_right(matching: Matching) -> bool:
    """Two terms or more are right, and half of all: such a reading is no accident."""
    count = sum(pair.right for pair in matching.pairs)
    return count >= 2 and 2 * count >= len(matching.pairs)


def _confused(asked: Quantity, given: Quantity) -> tuple[str, str]:
    """The mistake of giving one amount for another, in words."""
    if asked == "params":
        return "other-amount", f"these are {'MACs' if given == 'macs' else 'FLOPs'}, not parameters"
    if given == "params":
        return "other-amount", "these are the parameters: the output's size is missing"
    if asked == "macs":
        return "factor-two", "these are FLOPs, two for each MAC"
    return "factor-two", "these are MACs, and a MAC is two FLOPs"


def _with_one_mistake(tried: Matching, mistake: Mistake, once: float) -> Matching:
    for pair in tried.pairs:
        found = pair.interpretations or ()
        if pair.places and found:
            first = found[0]
            pair.interpretations = (
                Interpretation(first.value, (), (mistake, *first.mistakes), once + first.penalty),
            )
            pair.twice = False
    tried.penalty += once
    return tried


def _bare(part: Part) -> Line | None:
    """The line of an answer that is nothing but one number."""
    if len(part.lines) == 1 and part.lines[0].node.kind == "number":
        return part.lines[0]
    rounded = len(part.lines) == 1 and part.lines[0].node.unit
    return part.lines[0] if rounded else None


def _one_unknown(part: Part, matching: Matching) -> Line | None:
    """The line of an answer that is one product, `1992166 * 128`, and no layer's cost."""
    if len(part.lines) != 1 or part.lines[0].node.kind != "product":
        return None
    explained = any(pair.interpretations for pair in matching.pairs)
    return None if explained or len(matching.pairs) != 1 else part.lines[0]


def _is_layer(matching: Matching) -> bool:
    """A lone number that is one layer's cost, right or wrong by one mistake."""
    first = matching.pairs[0] if matching.pairs else None
    return bool(first and first.interpretations and len(first.interpretations[0].mistakes) <= 1)


def _slack(pieces: Sequence[object]) -> Fraction:
    """How far the sum of rounded terms may be off the sum of what they stand for."""
    found = Fraction(0)
    for piece in pieces:
        written = getattr(piece, "written", None)
        if written is not None:
            found += abs(written - piece.value)  # type: ignore[attr-defined]
    return found


def _fits(claim: Claim, value: Fraction, slack: Fraction) -> bool:
    return claim.fits(value) or (bool(slack) and abs(claim.value - value) <= slack + claim.unit)


def wrong_sums(part: Part, slack: Fraction) -> list[str]:
    """Where the terms do not add up to the total or subtotal that the answer states."""
    return [words for words, _ in _wrong_sums(part, slack)]


def _wrong_sums(part: Part, slack: Fraction) -> list[tuple[str, bool]]:
    """Each in words, and whether it is too far off for anybody to have added up so."""
    found = []
    total = part.lines[0].node if len(part.lines) == 1 else None
    for line in (*part.lines, *part.remarks):
        for claim in line.claims:
            if not _fits(claim, line.node.value, slack):
                why = slip(claim, [line.node])
                found.append((_wrong_sum(line.label, line.node.value, claim, why),
                              not why and _far_off(line.node.value, claim)))  # fmt: skip
    nodes = [line.node for line in part.lines]
    for claim in part.claims:
        last = total is not None and total.kind == "sum" and claim.fits(total.parts[-1].value)
        if _is_subtotal(part, claim):
            continue
        if not _fits(claim, part.value, slack) and not (last and claim is not part.claims[-1]):
            why = slip(claim, nodes)
            found.append((_wrong_sum("", part.value, claim, why),
                          not why and _far_off(part.value, claim)))  # fmt: skip
    return found


def _far_off(value: Fraction, claim: Claim) -> bool:
    """Whether it is another number, and no result of this: not even with digits left out.

    `763.82` is a number in a unit that was not read.
    """
    if value <= 0 or claim.value <= 0:
        return True
    if claim.unit < 1 and claim.value.denominator > 1 and value > _MOST_OFF * claim.value:
        return True
    ratio = max(value / claim.value, claim.value / value)
    power = 10 ** round(math.log10(ratio))
    return ratio > _MOST_OFF and not 1 - _NEAR < ratio / power < 1 + _NEAR


def _is_subtotal(part: Part, claim: Claim) -> bool:
    """Whether it is what stands before it comes to, and more terms follow: `so block 1 has`."""
    before = [line.node for line in part.lines if line.node.end <= claim.start]
    follows = len(before) < len(part.lines)
    return (
        follows and len(before) > 1 and claim.fits(sum((one.value for one in before), Fraction(0)))
    )


def _wrong_sum(label: str, value: Fraction, claim: Claim, why: str) -> str:
    off = claim.value - value
    name = f"{label.rstrip(' :：')}: " if label.strip(" :：") else ""
    return (
        f"{name}the terms add up to {_exact(value)}, not {_exact(claim.value)}: "
        f"{_exact(abs(off))} too {'many' if off > 0 else 'few'}{why}"
    )


def _exact(value: Fraction) -> str:
    return f"{plain_number(value):,}"
