"""Reads a written answer: which quantities, line by line, with the totals that it states.

A text may be one expression, or a line for each layer (`block1: 96*(11*11+1)`), with words around
each calculation in English or Chinese: `statements.py` cuts it, `words.py` knows the words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.reading.expression import Claim, Node, parse, rounded_unit
from nincost._audit.reading.letters import letters_in, without_multiples
from nincost._audit.reading.numbers_said import (
    batch_of_sentence,
    claims_in_unit,
    in_unit_before,
    in_unit_of_heading,
    in_unit_of_row,
    is_count,
    is_line_of_another,
    is_others,
    is_said_result,
    says_batch,
)
from nincost._audit.reading.parts import MAX_TERMS, Figure, Line, Part, Reading
from nincost._audit.reading.restated import (
    add_claims,
    adds_up_again,
    is_total,
    restates,
    said_before_of,
    stood_for,
)
from nincost._audit.reading.rewritten import TUPLE, meanings_of_mb, rewritten
from nincost._audit.reading.spoken import Spoken, continues_sentence, row_of, subject_of
from nincost._audit.reading.statements import Statement, statements
from nincost._audit.reading.subtotals import is_bound, is_subtotal
from nincost._audit.reading.tokens import check_length
from nincost._audit.reading.words import (
    About,
    about,
    amount_in,
    batch_in,
    batches,
    corrects,
    is_wordless,
    says_detail,
    says_difference,
    says_own,
    says_per_batch,
    says_result,
    says_total,
)
from nincost._closed_form.cost_terms import QUANTITIES, Quantity
from nincost.errors import ExpressionError


def read_answer(text: str, what: About | None = None, model: str = "") -> Reading:
    """Everything in a written answer; `what` is what those parts are about that do not say.

    Numbers of other networks than `model` are left out.

    Raises:
        ExpressionError: nothing in it can be read, or it is larger than anybody writes by hand.
    """
    check_length(text)
    tuples = [match.span() for match in TUPLE.finditer(text)]
    binary = meanings_of_mb(text)
    text = rewritten(text)
    letters = letters_in(text)
    text = without_multiples(text, letters)
    line, found = statements(text)
    reader = _Reader(Reading(text, line, binary=binary), Spoken(what, letters), tuples, model)
    for statement in found:
        reader.add(statement)
    reading = reader.reading
    if not reading.parts and not reading.figures and model:  # all was of other networks
        return read_answer(text, what)
    reading.parts = [_settled(part) for part in reading.parts if part.lines or part.claims]
    if not reading.parts and not reading.figures:
        if reader.error is not None:
            raise reader.error
        raise ExpressionError(
            "the answer is empty: expected a calculation such as 96*(11*11*1+1) + ... = 1992166"
        )
    return reading


def _settled(part: Part) -> Part:
    """A single line's claim is the whole part's; a claim alone is the whole answer."""
    if len(part.lines) == 1 and not part.claims:
        line = part.lines[0]
        part.claims = list(line.claims)
        part.lines = [replace(line, claims=())]
    if not part.lines:
        claim = part.claims.pop(0)
        node = Node("number", claim.value, (), claim.start, claim.end, unit=claim.unit)
        part.lines = [Line("", node)]
    return part


class _Reader:
    """Puts statements into parts, and keeps in mind what was said before."""

    def __init__(
        self, reading: Reading, spoken: Spoken, tuples: Sequence[tuple[int, int]], model: str
    ) -> None:
        self.model = model
        self.reading = reading
        self.tuples = tuples
        self.spoken = spoken
        self.error: ExpressionError | None = None

    def add(self, statement: Statement) -> None:
        spoken = self.spoken
        calculated = statement.end > statement.start
        before = self.reading.text[: statement.start - len(statement.before)]
        asked = before.rstrip()[-1:] in ("?", "？")
        if corrects(statement.before) or (asked and says_own(statement.before)):
            self._take_back(statement)
        subject = subject_of(self.reading.text, statement, spoken, self.tuples)
        spoken.last = subject
        if calculated:
            spoken.said(row_of(self.reading.text, statement), subject)
        if calculated and is_line_of_another(self.reading.text, statement, self.model):
            return
        raw = self.reading.text[statement.start : statement.end] + statement.after
        said = f"{statement.context} {statement.before} {raw}"
        batch = batch_in(said)
        own = batches(f"{statement.before} {raw}")
        if own:
            spoken.batch, spoken.headed = own[-1][2], False
        if subject in ("memory", "shapes", "fields"):
            if calculated or (subject != "memory" and re.search(r"\d", statement.words)):
                context = f"{spoken.heading} {statement.context}"
                self.reading.figures.append(
                    Figure(
                        subject, statement.start, statement.end, statement.before,
                        statement.after, context, batch or spoken.batch,
                        spoken.headed or says_batch(self.reading.text, statement),
                    )
                )  # fmt: skip
            elif statement.heads and not continues_sentence(self.reading.text, statement):
                spoken.head(statement, batch)
            goes_on = not calculated and continues_sentence(self.reading.text, statement)
            if (about(statement.words) or not calculated) and not goes_on:
                spoken.now = subject
            return
        if not calculated:
            if amount_in(statement.words):
                spoken.now, spoken.titled = subject, amount_in(statement.words)
            if statement.heads:
                spoken.head(statement, batch)
            return
        if is_others(statement, self.model):
            return
        try:
            self._amount(statement, subject, batch)
        except ExpressionError as error:
            if _SYMBOLIC.search(f"{statement.before[-20:]}{raw}"):
                return  # `k*k*ci*co + co`: a formula of names, with nothing to grade
            self.error = self.error or error
            self.reading.not_read(statement.start, error)

    def _part(self, what: Quantity | None) -> Part:
        """The part that goes on: of several amounts that take turns line by line, its own."""
        parts = self.reading.parts
        if what is None and parts and parts[-1].what is None and parts[-1].is_summed:
            parts.append(Part(None, self.reading.text))
        if parts and what in (None, parts[-1].what):
            return parts[-1]
        turns = [part for part in parts[-len(QUANTITIES) :] if part.what == what]
        if turns:
            return turns[-1]
        parts.append(Part(what, self.reading.text))
        return parts[-1]

    def _begun(
        self, statement: Statement, what: Quantity | None, batch: int | None, node: Node | None
    ) -> Part:
        """The part that a number belongs to; one that did not say its amount may get it."""
        parts = self.reading.parts
        begun = (
            bool(parts)
            and bool(parts[-1].lines)
            and parts[-1].lines[-1].node.end < self.spoken.section
        )
        begun = begun or _is_complete(self.reading.text, parts, statement, node)
        if parts and parts[-1].what is None and what is not None and not begun:
            parts[-1].what = what
        part = self._part(what)
        part.batch = part.batch or batch
        part.batches += [one for one in (batch, self.spoken.batch) if one]
        if says_per_batch(statement.before):  # `the forward pass of one such batch`
            part.batches += [size for _, _, size in batches(self.reading.text[: statement.start])]
        return part

    def _take_back(self, statement: Statement) -> None:
        """`7.6M x 4? no, 1992166 x 4`: leave out what was said before in the same line."""
        row = self.reading.text.rfind("\n", 0, statement.start) + 1
        figures, parts = self.reading.figures, self.reading.parts
        if figures and figures[-1].start >= row:
            figures.pop()
        elif parts and parts[-1].lines and parts[-1].lines[-1].node.start >= row:
            parts[-1].lines.pop()

    def _in_row(self, part: Part, statement: Statement) -> Fraction:
        """What the terms before it in its line come to."""
        values = [
            one.node.value
            for one in part.lines
            if one.node.start > row_of(self.reading.text, statement)
        ]
        return sum(values, Fraction(0))

    def _amount(self, statement: Statement, subject: About | None, batch: int | None) -> None:
        """A calculation of parameters, MACs or FLOPs."""
        node, claims = parse(
            self.reading.text, statement.start, statement.end, line=self.reading.line
        )
        if is_count(self.reading.text, statement, node):
            return
        if node is not None:
            node = in_unit_before(node, statement.before)
            node = in_unit_of_row(self.reading.text, node, statement)
            plain, node = node, in_unit_of_heading(self.reading.text, node, self.spoken.heading)
            if node.parts:
                claims = claims_in_unit(self.reading.text, plain, node, claims)
        if node is not None and is_said_result(self.reading.text, node, claims):
            first, *claims = claims  # `96 filters of 11x11 and 96 biases = 11712`
            node = Node("number", first.value, (), first.start, first.end, unit=first.unit)
        what: Quantity | None = subject if subject in QUANTITIES else None  # type: ignore[assignment]
        said_of = (
            said_before_of(self.reading.parts, node) if is_wordless(statement.before) else None
        )
        if what is not None and said_of is not None:
            what = subject = said_of  # `the same: 65,792, 44,302,336`
        if subject in QUANTITIES:
            self.spoken.now, self.spoken.amount = subject, what
        self.spoken.row = row_of(self.reading.text, statement)
        part = self._begun(statement, what, batch, node)
        if says_detail(statement.before) and part.lines:
            if node is not None:
                part.remarks.append(Line(statement.before.strip(), node, tuple(claims)))
            return
        if node is None:
            add_claims(part, claims)
        elif part.lines and says_difference(statement.after):
            part.remarks.append(
                Line(statement.before.strip(), node, tuple(claims), after=statement.after)
            )
        elif is_subtotal(part, statement, node):
            part.remarks.append(Line(statement.before.strip(), node, after=statement.after))
        elif is_bound(part, statement, node):
            return
        elif part.lines and (is_total(statement, node) or adds_up_again(part, statement, node)):
            part.claims += [Claim(node.value, rounded_unit(node), node.start, node.end), *claims]
        elif not restates(part, statement, node):
            if part.lines and (
                all(line.total for line in part.lines) or stood_for(part.lines, node)
            ):
                part.claims += [
                    Claim(one.node.value, one.node.unit, one.node.start, one.node.end)
                    for one in part.lines
                ]
                part.lines.clear()
            total = is_total(statement, node)
            own = [one for one in claims if one.fits(node.value)]
            others = [one for one in claims if one not in own]
            if others and part.lines and all(o.fits(part.value + node.value) for o in others):
                part.claims += others  # `..., 0.87M -> 762.3M`: of all that stands before
                claims = own
            elif others and all(o.fits(self._in_row(part, statement) + node.value) for o in others):
                claims = own  # `11712, two 1x1: 18624 -> 30336`: of its line
            before = f"{statement.context} {statement.before}"  # `NiN block 2, 1x1 conv: ...`
            label = before if statement.first_in_line else statement.before
            line = Line(
                label.strip(), node, tuple(claims), total, statement.after,
                statement.before.strip(), batch_of_sentence(self.reading.text, statement),
            )  # fmt: skip
            part.lines += [line] * min(statement.names, MAX_TERMS)


def _is_complete(text: str, parts: Sequence[Part], statement: Statement, node: Node | None) -> bool:
    """Whether the last part has its total in a line before, and this says another amount."""
    one = parts[-1].lines[0] if parts and parts[-1].lines else None
    if one is not None and node is not None and one.claims and one.node.kind == "sum":
        # `11712 + 614656 = 626368`, and below it `计算量 577472640`
        only = all(line.node.end <= row_of(text, statement) for line in parts[-1].lines)
        if only and _AMOUNT_ALONE.fullmatch(statement.before) and node.value > 2 * one.node.value:
            return True
    claims = parts[-1].claims if parts else []
    return bool(claims) and claims[-1].end <= row_of(text, statement) and not (
        says_total(statement.words) or says_result(statement.words)
    )  # fmt: skip


_AMOUNT_ALONE = re.compile(
    r"\W*(?:计算量|乘加(?:次数)?|MACs?|FLOPs?|multiply-adds?|mult-adds?)\W*", re.IGNORECASE
)
_SYMBOLIC = re.compile(
    r"(?<![\w.])[A-Za-z_]\w{0,9}\s*[*·×^]\s*\(?\s*[A-Za-z_](?!\w{9})|[A-Za-z]\w?\s*[*·×]\s*\d"
)
