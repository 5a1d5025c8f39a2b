"""Columns of a table that belong together: main, each 1x1, how many, the block's total; roundings.

`main conv | 1x1 (each) | number of 1x1 | block total`: the total is the row's amount, and what is
beside it must come to it. `params | about` says each amount twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.reading.expression import parse
from nincost._audit.reading.weights_and_biases import Cell
from nincost._audit.reading.words import amount_in
from nincost._closed_form.cost_terms import QUANTITIES, Quantity
from nincost.errors import ExpressionError

_WHOLE = re.compile(
    r"(?:per[\s-])?(?:nin\s?)?(?:block|row|stage|块|本块|每块)?\s*"
    r"(?:totals?|sum|together|in all|合计|小计|总计|总和|总数)"
    r"(?:\s*(?:of|per) (?:the )?block)?",
    re.IGNORECASE,
)
_EACH = re.compile(r"\beach\b|\bper layer\b|apiece|每个|每层|各|单个", re.IGNORECASE)
_AMOUNT_NOT = re.compile(r"share|%|percent|占比|比例|memory|内存|显存", re.IGNORECASE)
_ROUNDED = re.compile(r"(?:大?约|约为|≈|~|approx\w*\.?|rounded|about|近似值?)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")
_MOST_COPIES = 3


def place_of_whole(headings: Sequence[str], what: Quantity, at: int) -> int | None:
    """The column of each row's total, where the amount's own column is of its main part alone."""
    if not any(_EACH.search(name) for name in headings):
        return None
    own = [place for place, name in enumerate(headings) if amount_in(name) == what]
    whole = [
        place for place, name in enumerate(headings)
        if place > at and _WHOLE.fullmatch(name.strip(" *")) and amount_in(name) in (None, what)
    ]  # fmt: skip
    return whole[0] if len(whole) == 1 and whole[0] not in own[:1] else None


def with_copies(
    cells: Sequence[Cell], rows: Sequence[Sequence[str]], headings: Sequence[str], whole: int,
    main: int,
) -> tuple[Cell, ...]:  # fmt: skip
    """The cells of the totals as sums of the columns beside them, with what they are said to be."""
    each = next(p for p, name in enumerate(headings) if _EACH.search(name) and p != whole)
    sure: list[tuple[Sequence[str], Fraction, Fraction, Fraction]] = []
    for row in rows:
        if max(whole, main, each) < len(row):
            a, b, c = (_value(row[place]) for place in (main, each, whole))
            if a is not None and b is not None and c is not None:
                sure.append((row, a, b, c))
    fits = {n: sum(a + n * b == c for _, a, b, c in sure) for n in range(1, _MOST_COPIES + 1)}
    copies = max(fits, key=lambda n: fits[n])
    if main == each or 2 * fits[copies] < len(sure):
        return tuple(cells)
    found = []
    for cell in cells:
        names = {cell.layer, cell.text}
        own = next((one for one in sure if names <= {text.strip() for text in one[0]}), None)
        if own is None or cell.unit:
            found.append(cell)
            continue
        row, first, second, _ = own
        text = f"{row[main].strip()} + {copies}*{row[each].strip()}"
        found.append(replace(cell, text=text, value=first + copies * second, stated=cell.value))
    return tuple(found)


def wholes_of(
    headings: Sequence[str], found: Sequence[Quantity], names: list[str]
) -> dict[Quantity, tuple[int, int]]:
    """Where the totals stand and where the main parts; `names` then call the totals the amount."""
    places: dict[Quantity, tuple[int, int]] = {}
    for what in found:
        main = names.index(what)
        place = place_of_whole(headings, what, main)
        if place is not None:
            places[what] = (place, main)
            names[main], names[place] = "", what
    return places


def places_of_roundings(headings: Sequence[str], at: int, names: Sequence[str]) -> list[int]:
    """The column right of an amount's that says the same, rounded: `约`."""
    after = at + 1
    if after >= len(headings) or names[after] in (*QUANTITIES, "layer"):
        return []
    return [after] if _ROUNDED.fullmatch(headings[after].strip()) else []


def _value(text: str) -> Fraction | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    try:
        node, _ = parse(text.strip())
    except ExpressionError:
        return None
    return node.value if node is not None else None
