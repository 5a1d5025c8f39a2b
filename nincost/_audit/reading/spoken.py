"""What a statement of an answer is about: by its own words, its line's, and what was said before.

`Spoken` is all that is kept in mind from one statement to the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nincost._audit.reading.sizes_said import (
    AFTER_LAYER,
    ARROW_BEFORE,
    FLOORED,
    LARGE,
    SEEN,
    SIDE,
    WITH_UNIT,
    is_shape,
)
from nincost._audit.reading.statements import Statement
from nincost._audit.reading.tokens import is_count_of_bytes
from nincost._audit.reading.words import (
    BECOMES,
    CHAIN,
    DIMS,
    IMAGE,
    INPUT_SHAPE,
    REMARK,
    SIZE_FORMULA,
    About,
    about,
    amount_in,
    first_amount_in,
    is_wordless,
    says_values,
)
from nincost._closed_form.cost_terms import Quantity


@dataclass(slots=True)
class Spoken:
    """What was said before a statement.

    Attributes:
        now: what is spoken of; `last` is what the statement before is about.
        heading: the words of the last heading, and `titled` the amount that it names.
        section: where the last heading stands that names an amount.
        batch: the batch that was named last, and `headed` whether a heading named it.
        amount: the amount that was named last.
        row: where the line of the last amount begins.
    """

    now: About | None
    last: About | None = None
    heading: str = ""
    titled: Quantity | None = None
    section: int = 0
    batch: int | None = None
    headed: bool = False
    amount: Quantity | None = None
    row: int = -1

    def head(self, statement: Statement, batch: int | None) -> None:
        """Keep a heading's words and batch for what follows."""
        self.heading = f"{statement.context} {statement.before}"
        if amount_in(statement.before):
            self.section = statement.start
        self.titled = amount_in(statement.before)
        self.batch, self.headed = batch, batch is not None


def row_of(whole: str, statement: Statement) -> int:
    """Where a statement's line begins."""
    return whole.rfind("\n", 0, statement.start)


def subject_of(
    whole: str, statement: Statement, spoken: Spoken, tuples: Sequence[tuple[int, int]]
) -> About | None:
    """What it is about: its own words first, then those of its line and before.

    `tuples` are the places of what was written as a tuple.
    """
    subject = _of_words(whole, statement, spoken, tuples)
    if subject == "shapes" and LARGE.fullmatch(whole, statement.start, statement.end):
        return spoken.amount or amount_in(statement.context)  # no size is so large
    return subject


def _of_words(
    whole: str, statement: Statement, spoken: Spoken, tuples: Sequence[tuple[int, int]]
) -> About | None:
    text = whole[statement.start : statement.end]
    said = about(statement.before)
    head, _, rest = statement.before.replace("：", ":").partition(":")
    if statement.heads and rest.strip() and amount_in(head):
        return amount_in(head)  # `macs: weights times output positions`
    if said in ("fields", "memory"):
        return said
    if about(statement.context) == "fields" and SEEN.search(statement.words):
        return "fields"
    after = REMARK.sub(lambda m: m[0].partition("(")[0].partition("（")[0], statement.after)
    first = re.compile(r"\d").search(whole, statement.start, statement.end)
    in_bytes = first is not None and is_count_of_bytes(whole, first.start())
    if in_bytes or about(f"{text} {after}") == "memory":
        return "memory"
    if SIZE_FORMULA.search(f"{statement.before[-1:]}{text}"):
        spoken.now = spoken.now or "shapes"
        return "shapes"
    if ARROW_BEFORE.search(statement.before) and DIMS.fullmatch(text.strip()):
        return "shapes"
    if INPUT_SHAPE.search(statement.before) and IMAGE.fullmatch(text):
        return "shapes"
    if FLOORED.fullmatch(text):
        return "shapes"
    if SIDE.search(statement.before) and is_shape(text.partition("=")[0]):
        return "shapes"
    if any(first <= statement.start < last for first, last in tuples):
        return "shapes"
    if WITH_UNIT.fullmatch(text):
        return amount_in(text)  # `count a multiply and an add as two, it's 1.525 GFLOPs`
    amount = amount_in(statement.before) or first_amount_in(f"{text} {statement.after}")
    if amount is not None:
        return amount
    if said == "shapes" and LARGE.match(text) and says_values(f"{text} {statement.after}"):
        return "memory"
    if said == "shapes" and says_values(statement.after):
        return "memory"
    fields = "fields" in (spoken.now, about(statement.context))
    if not fields and AFTER_LAYER.search(statement.before) and is_shape(text):
        return "shapes"
    listed = not statement.first_in_line and is_wordless(statement.before)
    if listed and spoken.last == "shapes" and is_shape(text):
        return "shapes"  # `outputs 54, 26, 12, 5`
    if CHAIN.search(text) or said == "shapes" or BECOMES.search(statement.words):
        return "shapes"
    if not statement.first_in_line or statement.context:
        inherited = about(statement.context)
        if inherited is not None and (inherited != "shapes" or is_shape(text)):
            return inherited
    if (
        spoken.now == "shapes"
        and statement.end > statement.start
        and (not is_shape(text) or spoken.row == row_of(whole, statement))
    ):
        return spoken.titled  # a calculation of no size, or `= 3600, two 7200`
    return said if spoken.now is None and statement.end == statement.start else spoken.now
