"""Grades a part of an answer as each of its numbers' roles may be: the likeliest reading counts."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from fractions import Fraction

from nincost._audit.doubts import with_doubts, with_nothing_wrong
from nincost._audit.grading import DEFAULT_WEIGHTS, grade, wrong_sums
from nincost._audit.labelled import labels_of
from nincost._audit.mistakes import Question
from nincost._audit.reading.expression import Node, rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.roles import other_readings
from nincost._audit.reading.words import batches, says_difference
from nincost._audit.results import Grade
from nincost._audit.sentences.contradicted import contradicted, of_blocks, other_variant
from nincost._audit.sentences.each_number import total_said, totals_compared, without_compared
from nincost._audit.sentences.no_terms import bias_additions, without_no_terms
from nincost._audit.sentences.scope import said_scope
from nincost._audit.subject import Subject
from nincost._audit.training_step import with_whole_steps
from nincost._audit.truths import (
    all_true,
    all_true_with_total,
    compares,
    is_about,
    is_true,
    lists_other,
    said_times,
    stated_total,
)
from nincost._audit.weights import Weights
from nincost._closed_form.cost_terms import QUANTITIES, Quantity

#: Mistakes that a number in another role may look like: a total, a result said again.
_A_CLAUSE = 30  # columns of words, and so no name of a layer
#: `block 1 holds 1.5% of the 1,992,166 parameters`.
_SHARE_OF = re.compile(
    r"(?:%|half|thirds?|quarters?|part)\s+of\s+(?:the|all|its)?\s*(?:total|whole)?\s*$",
    re.IGNORECASE,
)
_BIASES_ADDED = re.compile(
    r"\badd\w*\b[^.。]*\bbias|\bbias\w* add|加(?:上)?偏置|偏置[^。]*加法", re.IGNORECASE
)
_FLOPS = re.compile(r"FLOPs?\b", re.IGNORECASE)
#: `fvcore's "flops" are really multiply-adds`.
_FLOPS_ARE_MACS = re.compile(
    r"FLOPs?[\"”']?\s*(?:(?:are|is|means?|=|counts?)\b[^.。\n]{0,24}?|其实是|指的?是|即|就是|=)\s*"
    r"(?:MACs?\b|mult|乘加)",
    re.IGNORECASE,
)
_FEW = 1_000  # a smaller number is no amount of the whole
_LATIN = 0x2E7F  # above it a character takes two columns
_NOT_EXPLAINED = frozenset(["unknown", "unexplained", "factor-misread"])
_DOUBTFUL = frozenset([
    "unknown", "unexplained", "factor-misread", "twice", "missing", "costs-nothing",
    "batch-counted", "batch-missing", "other-amount", "channels-missing",
])  # fmt: skip


def grade_part(part: Part, subject: Subject, weights: Weights = DEFAULT_WEIGHTS) -> Grade:
    """The grade of the likeliest reading: a right one, or the one with the fewest mistakes.

    It gives no verdict where it is more likely that the answer was misread.
    """
    subject = said_scope(part.text, subject) or subject
    part = without_no_terms(without_compared(_totals_of_all(part, subject), subject), subject)
    found = _likeliest(part, subject, weights)
    if _is_of_one_input(found, part, subject):
        found = _likeliest(replace(part, batch=1), subject, weights)
    single = subject.layers(1)
    if not found.ok and subject.batch_size == 1 and all_true(part, single, found.what):
        whole = all_true_with_total(part, single, found.what)
        if whole is not None:
            found = _as_read(Part(found.what, part.text, [whole]), subject, weights)[0]
        else:
            found = with_nothing_wrong(found)
    if not found.ok and found.what == "macs" and _FLOPS.search(part.text):
        found = _as(part, "flops", subject, weights) or found
    elif not found.ok and found.what == "flops" and _FLOPS_ARE_MACS.search(part.text):
        found = _as(part, "macs", subject, weights) or found
    other = other_variant(part, subject, found.what) if found.ok and compares(part.text) else None
    if other is not None:
        alone = replace(part, lines=[other], claims=[], remarks=[])
        found = _as_read(replace(alone, what=found.what), subject, weights)[0]
    found = with_whole_steps(found, part, subject)
    return with_doubts(found, part, found.expected, labels_of(single), single)


def _as(part: Part, what: Quantity, subject: Subject, weights: Weights) -> Grade | None:
    """The grade as another amount that the text names, where all is right so.

    `Computation`, and below it 2 for each MAC. The words `a multiply and an add are 2 FLOPs` have
    no term.
    """
    lines = [
        line for line in part.lines
        if line.node.kind != "number" or line.node.value >= _FEW or line.node.unit
    ]  # fmt: skip
    read = replace(part, what=what, lines=lines)
    found = _likeliest(read, subject, weights) if len(lines) > 1 else None
    return found if found is not None and found.ok else None


def _is_of_one_input(found: Grade, part: Part, subject: Subject) -> bool:
    """Whether it is right for one input, and only other amounts are said to be of a batch."""
    batch = bool(found.mistakes) and found.mistakes[0].key in ("batch-counted", "batch-missing")
    elsewhere = part.batch is None and bool(batches(part.text))
    return batch and elsewhere and subject.batch_size > 1


def _totals_of_all(part: Part, subject: Subject) -> Part:
    """The part with the right total said of the network: `if the last block goes, it has 5.8M`.

    A long clause before it may name a block, and be about something else.
    """
    labels = labels_of(subject.layers(1))
    whats = QUANTITIES if part.what is None else (part.what,)
    layers = subject.layers(part.batch or subject.batch_size)
    totals = [Fraction(sum(one.cost.amount(what) for one in layers)) for what in whats]

    def relabelled(line: Line) -> Line:
        before = line.label.removesuffix(line.own)
        is_total = line.node.kind == "number" and any(
            stands_for(line.node.value, line.node.unit, total) for total in totals
        )
        if is_total and _SHARE_OF.search(line.label):
            return replace(line, label="")
        long = sum(1 + (ord(one) > _LATIN) for one in before.strip()) >= _A_CLAUSE
        if not is_total or not long or labels.places(line.own):
            return line
        return replace(line, label=line.own)

    return replace(part, lines=[relabelled(line) for line in part.lines])


def _likeliest(part: Part, subject: Subject, weights: Weights) -> Grade:
    best, penalty = _as_read(part, subject, weights)
    named = {mistake.key for mistake in best.mistakes}
    doubtful = best.arithmetic_errors or named & _DOUBTFUL or not named
    if best.ok:
        return _with_remarks(best, part, part, subject, weights)
    lacking = _lacks_batch(part, subject)
    if lacking is not None:
        return _as_read(lacking, subject, weights)[0]
    if not (doubtful or any(map(is_about, part.lines))):
        return best
    plain = part
    for number, (other, less_likely) in enumerate(other_readings(part)):
        if not number and _untrue(part, other, subject, part.what or "params") is None:
            plain = other  # without what is only said again
        found, unlikely = _as_read(other, subject, weights)
        if found.ok:
            checked = _with_remarks(found, part, other, subject, weights)
            if checked.ok:
                return checked
            continue
        if unlikely + less_likely < penalty - 1e-9:
            best, penalty = found, unlikely + less_likely
    whats = QUANTITIES if part.what is None else (part.what,)
    own = {line.batch for line in part.lines} - {None}  # no number of another batch is right
    batches = {subject.batch_size, *part.batches}
    for one, what, batch in itertools.product({id(p): p for p in (plain, part)}.values(),
                                              whats, batches):  # fmt: skip
        if own - {batch} or any(lists_other(p, subject.layers(batch), what) for p in (plain, part)):
            continue
        compared = totals_compared(part.text, subject, what) if compares(part.text) else []
        totals = tuple(compared)
        total = stated_total(one, subject.layers(batch), what, subject.layers(1), totals)
        if total is not None:
            return _as_read(Part(what, part.text, [total], batch=batch), subject, weights)[0]
    for what, batch in itertools.product(whats, batches):
        total = total_said(part, subject, what, batch)
        if total is not None:
            return _as_read(Part(what, part.text, [total], batch=batch), subject, weights)[0]
        sums = _but_for_sums(part, subject, what, batch, weights) if best.mistakes else None
        if sums is not None:
            return sums
    with_biases = _with_bias_additions(part, subject)
    if with_biases is not None:
        return _as_read(with_biases, subject, weights)[0]
    contradiction = _contradicted(part, subject, weights, best)
    return contradiction or _beside_total(part, subject, weights) or best


def _but_for_sums(
    part: Part, subject: Subject, what: Quantity, batch: int, weights: Weights
) -> Grade | None:
    """The grade of an answer in which nothing is wrong but what some lines are said to come to."""
    if not any(not c.fits(line.node.value) for line in part.lines for c in line.claims):
        return None
    lines = [
        replace(line, claims=tuple(c for c in line.claims if c.fits(line.node.value)))
        for line in part.lines
    ]
    total = total_said(replace(part, lines=lines), subject, what, batch)
    if total is None:
        return None
    found, _ = _as_read(Part(what, part.text, [total], batch=batch), subject, weights)
    wrong = tuple(wrong_sums(replace(part, claims=[]), Fraction(0)))
    return replace(found, ok=False, arithmetic_errors=wrong) if found.ok and wrong else None


def _contradicted(part: Part, subject: Subject, weights: Weights, best: Grade) -> Grade | None:
    """The grade of a number that is said to be the whole, where a known mistake leads to it.

    Of a block's likewise, where the terms together say nothing better.
    """
    what = part.what or best.what
    part = replace(part, what=what)
    batch = part.batch or subject.batch_size
    for line in contradicted(part, subject, what, batch):
        alone = replace(part, lines=[line], claims=[], remarks=[])
        found, _ = _as_read(alone, subject, weights)
        if found.total_explanations and not found.ok:
            return found
    if not {mistake.key for mistake in best.mistakes} & _NOT_EXPLAINED:
        return None
    for line, block in of_blocks(part, subject, what, batch):
        alone = replace(part, lines=[line], claims=[], remarks=[])
        found, _ = _as_read(alone, block, weights)
        named = {mistake.key for mistake in found.mistakes}
        if named and not found.ok and not named & _NOT_EXPLAINED:
            return found
    return None


def _lacks_batch(part: Part, subject: Subject) -> Part | None:
    """The work of one input that its own sentence says to be a batch's, as an answer alone."""
    whats = [what for what in QUANTITIES if what != "params" and part.what in (None, what)]
    for line, what in itertools.product(part.lines, whats):
        if (line.batch or 1) == 1:
            continue
        total = Fraction(sum(one.cost.amount(what) for one in subject.layers(1)))
        for times in said_times(f"{line.label} {line.after}"):
            value, unit = line.node.value / times, rounded_unit(line.node) / times
            if stands_for(value, unit, total):
                node = Node("number", value, (), line.node.start, line.node.end, unit=unit)
                return Part(what, part.text, [Line("", node)], batch=line.batch)
    return None


def _with_bias_additions(part: Part, subject: Subject) -> Part | None:
    """The right total alone, where FLOPs count the additions of the biases too, and say so."""
    if part.what != "flops" or len(part.lines) != 1 or not _BIASES_ADDED.search(part.text):
        return None
    line, layers = part.lines[0], subject.layers(part.batch or subject.batch_size)
    total = Fraction(sum(one.cost.amount("flops") for one in layers))
    added = bias_additions(layers)
    sums = all(claim.fits(line.node.value) for claim in (*line.claims, *part.claims))
    if not sums or not stands_for(line.node.value, rounded_unit(line.node), total + added):
        return None
    node = Node("number", total, (), line.node.start, line.node.end)
    return Part("flops", part.text, [Line("", node)], batch=part.batch)


def _with_remarks(
    found: Grade, part: Part, read: Part, subject: Subject, weights: Weights
) -> Grade:
    """A right grade, if what this reading leaves out is true of the model, too.

    Otherwise the grade of what is left out and is not: "1992166, of which block 4 has 30336".
    """
    line = _untrue(part, read, subject, found.what)
    if line is None:
        return found
    if says_difference(line.after):  # from another network, which is not known
        text = " ".join(part.text[line.node.start : line.node.end].split())
        return replace(found, ok=False, not_understood=(text,))
    alone, _ = _as_read(
        replace(part, what=found.what, lines=[line], claims=[], remarks=[]), subject, weights
    )
    return replace(alone, ok=False) if alone.ok else alone


def _untrue(part: Part, read: Part, subject: Subject, what: Quantity) -> Line | None:
    """The first line that this reading leaves out and that is not true of the model."""
    kept = {line.node.start for line in read.lines} | {claim.start for claim in read.claims}
    kept |= {claim.start for line in read.lines for claim in line.claims}
    layers, single = subject.layers(part.batch or subject.batch_size), subject.layers(1)
    for line in (*part.lines, *part.remarks):
        if says_difference(line.after) and _differs(line, subject, what):
            continue
        if line.node.start in kept:
            continue
        # What it is said to come to may be kept, and the calculation itself not.
        result_kept = any(claim.start in kept for claim in line.claims)
        said = replace(line, claims=()) if result_kept else line
        if not is_true(said, part.text, layers, what, single):
            return line
    return None


def _differs(line: Line, subject: Subject, what: Quantity) -> bool:
    """Whether it is by how much the total differs from that of another built-in model."""
    total = sum(one.cost.amount(what) for one in subject.layers(1))
    others = [Fraction(abs(total - other)) for _, other in subject.other_totals(what)]
    return any(stands_for(line.node.value, rounded_unit(line.node), one) for one in others)


def _beside_total(part: Part, subject: Subject, weights: Weights) -> Grade | None:
    """The grade of what is said beside the right total, where a mistake explains it."""
    layers = subject.layers(part.batch)
    total = Fraction(sum(one.cost.amount(part.what) for one in layers)) if part.what else None
    rest = [
        line for line in part.lines
        if total is None or line.node.kind != "number"
        or not stands_for(line.node.value, line.node.unit, total)
    ]  # fmt: skip
    if not 0 < len(rest) < len(part.lines):
        return None
    found, _ = _as_read(replace(part, lines=rest, claims=[]), subject, weights)
    named = {mistake.key for mistake in found.mistakes} - {"missing"}
    return found if named and not named & {"unexplained", "unknown"} else None


def _as_read(part: Part, subject: Subject, weights: Weights) -> tuple[Grade, float]:
    """The grade of one reading, and how unlikely it is."""
    batch = part.batch or subject.batch_size
    layers = subject.layers(batch)

    def tried(what: Quantity, guessed: bool) -> tuple[Grade, float]:
        return grade(
            part, layers, Question(what, batch), guessed=guessed, weights=weights,
            other_totals=lambda: subject.other_totals(what),
        )  # fmt: skip

    if part.what is not None:
        found, unlikely = tried(part.what, False)
        return found, unlikely + len(found.arithmetic_errors)
    stated = {one.node.value for one in part.lines} | {claim.value for claim in part.claims}
    for what in QUANTITIES:
        if len(part.lines) > 1 and sum(one.cost.amount(what) for one in layers) in stated:
            return tried(what, True)
    return min((tried(what, True) for what in QUANTITIES), key=lambda pair: pair[1])
