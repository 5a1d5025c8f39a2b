"""Numbers that say again what stands before them: totals, results, rounded figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from nincost._audit.reading.expression import Claim, Node, rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.statements import Statement
from nincost._audit.reading.words import (
    amount_in,
    says_about,
    says_count,
    says_result,
    says_that_is,
    says_total,
)
from nincost._closed_form.cost_terms import Quantity

_FEWEST_TELLING = 10_000  # a number of five digits is no chance
_SHARE = re.compile(r"占[^，,。]{0,6}$")  # `占总乘加762297352的24.2%`
_ROUNDED = re.compile(r"四舍五入|\bround(?:ed|s|ing)?\b", re.IGNORECASE)
_SHORT = 12  # characters of "that's", and of no layer's name
_SHORTER = 9
#: `Together 762.3 million`, but forward and backward together are another amount.
_TOGETHER = re.compile(r"\btogether\b", re.IGNORECASE)
_BOTH_WAYS = re.compile(r"backward", re.IGNORECASE)


def is_total(statement: Statement, node: Node) -> bool:
    """A number, and no calculation, with words for a sum and no layer's name."""
    alone = node.kind == "number" or bool(rounded_unit(node))
    alone = alone and not re.search(r"\d", statement.before)
    if _SHARE.search(statement.before):
        return False
    together = _TOGETHER.search(statement.before) and not _BOTH_WAYS.search(statement.context)
    return alone and bool(says_total(statement.before) or together) and not re.search(
        r"第[一二三四五六七八九十]|block|两个|each", statement.before, re.IGNORECASE
    )  # fmt: skip


def adds_up_again(part: Part, statement: Statement, node: Node) -> bool:
    """Whether it says or writes out again what all lines before it come to."""
    if len(part.lines) < 2:
        return False
    if node.kind == "sum":
        stated = [{line.node.value, *(c.value for c in line.claims)} for line in part.lines]
        return len(stated) == len(node.parts) and all(
            one.value in values for one, values in zip(node.parts, stated, strict=True)
        )
    alone = node.kind == "number" and not node.unit
    return alone and says_total(statement.before) and node.value == part.value


def stood_for(lines: list[Line], node: Node) -> bool:
    """Whether one rounded number was given before, and a calculation of it comes now."""
    first = lines[0].node
    rounded = len(lines) == 1 and first.kind == "number" and bool(first.unit)
    return rounded and node.kind == "sum" and stands_for(first.value, first.unit, node.value)


def add_claims(part: Part, claims: list[Claim]) -> None:
    """A line that begins with `=`: it is the last line's sum, where it fits only that."""
    last = part.lines[-1] if part.lines else None
    several = last is not None and len(part.lines) > 1 and bool(claims)
    if last is not None and several and claims[0].fits(last.node.value):
        if claims[0].fits(part.value):
            part.claims += claims
        else:
            part.lines[-1] = replace(last, claims=(*last.claims, *claims))
        return
    part.claims += claims


def _same_digits(again: Claim, last: Line) -> bool:
    """Whether it has the digits of the result before it, perhaps in a wrong unit: `即18.5亿`."""
    if not last.claims or last.claims[-1].unit or not again.unit or last.node.value <= 0:
        return False
    digits = str(int(again.value / again.unit))
    return len(digits) > 2 and str(int(last.node.value)).startswith(digits[:-1])


def restates(part: Part, statement: Statement, node: Node) -> bool:
    """Whether a number says again what stands before it: rounded, or for two layers of a kind."""
    if not part.lines or node.kind != "number":
        return False
    last = part.lines[-1]
    again = Claim(node.value, node.unit, node.start, node.end)
    wordless = not statement.before.strip() or amount_in(statement.before)
    several = len(part.lines) > 1 or last.node.kind != "number" or not statement.first_in_line
    if (
        wordless
        and several
        and node.value == part.value
        and (amount_in(statement.before) or len(part.lines) > 1 or last.node.kind != "number")
    ):
        part.claims.append(again)
        return True
    if statement.first_in_line:
        return False
    result = says_result(statement.before) and len(statement.before.strip(" ，,。")) <= _SHORT
    if result and not node.unit and last.node.kind != "number" and node.value == last.node.value:
        part.lines[-1] = replace(last, claims=(*last.claims, again))  # `121*96 + 96, that's 11,712`
        return True
    short = len(statement.before.strip(" ，,。")) <= _SHORTER  # "约", and no layer's name
    short = short and not re.search(r"[块层第]|block|conv", statement.before)
    that_is = says_that_is(statement.before) and (
        again.fits(last.node.value) or _same_digits(again, last)
    )
    if node.unit and _ROUNDED.search(statement.before):  # `rounded to two decimals it is 1.55M`
        strict = replace(again, strict=True)
        if abs(node.value - last.node.value) <= node.unit:
            part.lines[-1] = replace(last, claims=(*last.claims, strict))
            return True
    if node.unit and short and (says_about(statement.before) or that_is):
        if part.claims and part.claims[-1].start > last.node.start:
            part.claims.append(again)  # the total's, which was said last
        else:
            part.lines[-1] = replace(last, claims=(*last.claims, again))
        return True
    if says_count(statement.before):
        for count in (2, 3):
            if last.node.value * count == node.value:
                part.lines += [replace(last, claims=())] * (count - 1)
                return True
    return False


def said_before_of(parts: Sequence[Part], node: Node | None) -> Quantity | None:
    """The one amount of which exactly this number was said before; None where none or several."""
    if node is None or node.kind != "number" or node.unit or node.value < _FEWEST_TELLING:
        return None
    own = {
        part.what
        for part in parts
        if any(
            not line.node.unit and node.value in (line.node.value, *(c.value for c in line.claims))
            for line in part.lines
        )
    }
    return own.pop() if len(own) == 1 else None
