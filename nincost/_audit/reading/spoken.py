"""What a statement of an answer is about: by its own words, its line's, and what was said before.

`Spoken` is all that is kept in mind from one statement to the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nincost._audit.reading.letters import of_letter
from nincost._audit.reading.sizes_said import (
    AFTER_LAYER,
    ARROW_BEFORE,
    FLOORED,
    IN_OUT,
    KEEPS,
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
    says_values,
)
from nincost._closed_form.cost_terms import QUANTITIES, Quantity

#: `block one's 96x54x54 map`.
_MAPS = re.compile(r"\s*(?:feature )?map\b", re.IGNORECASE)
_AND = re.compile(r"[\W\d_]*(?:and|和|及|以及)?[\W\d_]*", re.IGNORECASE)
#: `839808 values`, `1525614 个数`: a number and what it counts, beginning a statement.
_NUMBERS_OF = re.compile(
    r"(?:\d{2,}|\d{1,3}(?:,\d{3})+)\s*"
    r"(?:(?:(?:output|activation|float(?:32)?) )?(?:values|numbers|floats|elements)\b(?! to learn)"
    r"|个(?:数(?!字)|值|元素|浮点数|激活值?))",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Spoken:
    """What was said before a statement.

    Attributes:
        letters: what is written for an amount, such as `M`.
        now: what is spoken of; `last` is what the statement before is about.
        heading: the words of the last heading, and `titled` the amount that it names.
        section: where the last heading stands that names an amount.
        batch: the batch that was named last, and `headed` whether a heading named it.
        amount: the amount that was named last.
        row: where the line of the last amount begins.
        line: where the line begins that is read, and `in_line` what its numbers are about;
            `before` is that of the last line with numbers before it.
    """

    now: About | None
    letters: Mapping[str, Quantity]
    last: About | None = None
    heading: str = ""
    titled: Quantity | None = None
    section: int = 0
    batch: int | None = None
    headed: bool = False
    amount: Quantity | None = None
    row: int = -1
    line: int = -2
    in_line: list[About | None] = field(default_factory=list)
    before: list[About | None] = field(default_factory=list)

    def said(self, line: int, subject: About | None) -> None:
        """Keep what a number is about."""
        self._begin(line)
        self.in_line.append(subject)

    def alike(self, line: int) -> About | None:
        """What the number at the same place of the line before is about, where several are."""
        self._begin(line)
        place = len(self.in_line)
        several = len({one for one in self.before if one in QUANTITIES}) > 1
        return self.before[place] if several and place < len(self.before) else None

    def _begin(self, line: int) -> None:
        if line != self.line:
            self.before, self.in_line, self.line = self.in_line or self.before, [], line

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


def continues_sentence(whole: str, statement: Statement) -> bool:
    """Whether a line of words goes on a sentence of the line above: it is no heading."""
    start = row_of(whole, statement) + 1
    line, above = whole[start : statement.start], whole[: max(0, start - 1)].rpartition("\n")[2]
    ends = above.rstrip()[-1:]
    return bool(re.match(r"[a-z]", line) and re.search(r"[^\W\d_]", above)) and ends.isalpha()


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
    lettered = of_letter(statement.before, spoken.letters)
    if lettered is not None:
        return lettered
    if said in ("fields", "memory"):
        return said
    if _NUMBERS_OF.match(whole, statement.start):
        return "memory"  # `839808 values`
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
    if IN_OUT.search(statement.before) and DIMS.fullmatch(text.strip()) and text.count("x") == 2:
        return "shapes"
    if DIMS.fullmatch(text.strip()) and text.count("x") > 1 and _MAPS.match(whole, statement.end):
        return "shapes"
    if KEEPS.search(statement.before) and is_shape(text):
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
    counted = re.split(r"[^\s\w]|\d|$", whole[statement.end :], maxsplit=1)[0]
    shapes = "shapes" in (said, spoken.last, about(statement.context))
    counts = shapes and LARGE.match(text) and says_values(f"{text} {counted}")
    if counts or (said == "shapes" and says_values(statement.after)):
        return "memory"
    fields = "fields" in (spoken.now, about(statement.context))
    if not fields and AFTER_LAYER.search(statement.before) and is_shape(text):
        return "shapes"
    listed = not statement.first_in_line and bool(_AND.fullmatch(statement.before))
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
    if statement.end > statement.start:
        alike = spoken.alike(row_of(whole, statement))  # `1: 21,024 params; 60.7M MACs`, `2: ...`
        if alike is not None:
            return alike
    return said if spoken.now is None and statement.end == statement.start else spoken.now
