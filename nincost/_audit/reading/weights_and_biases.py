"""A table's cells, and columns for the weights, the biases and the two together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

_BOTH = re.compile(
    r"^(?:both|weights? ?(?:\+|and|&) ?biase?s?|total|sum|合计|小计|总计|权重\s*[+和]\s*偏置)$",
    re.IGNORECASE,
)
_WEIGHTS = re.compile(r"^(?:#\s*)?(?:weights?|权重)$", re.IGNORECASE)
_BIASES = re.compile(r"^(?:#\s*)?(?:bias|biases|偏置)$", re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of the table: the layer that its row names, its text, and its value (exact).

    `unit` is what its last digit is worth where it is rounded; `variant` the built-in variant that
    the row is about, and `stated` what weights and biases are said to come to together.
    """

    layer: str
    text: str
    value: Fraction
    unit: Fraction = Fraction(0)
    variant: str = ""
    stated: Fraction | None = None


def place_of_both(names: Sequence[str]) -> int | None:
    """The column of weights and biases together, where each has a column, too."""
    parts = [name for name in names if _WEIGHTS.match(name) or _BIASES.match(name)]
    both = [place for place, name in enumerate(names) if _BOTH.match(name)]
    return both[0] if len(parts) == 2 and both else None


def places_of_parts(headings: Sequence[str], names: Sequence[str]) -> tuple[int, int] | None:
    """Where the weights and the biases stand, if each has a column beside that of both."""
    weights = [i for i, name in enumerate(headings) if _WEIGHTS.match(name.strip())]
    biases = [i for i, name in enumerate(headings) if _BIASES.match(name.strip())]
    if len(weights) != 1 or len(biases) != 1 or "params" not in names:
        return None
    both = names.index("params")
    return (weights[0], biases[0]) if both not in (weights[0], biases[0]) else None


def with_parts(
    cells: Sequence[Cell], rows: Sequence[Sequence[str]], weights: int, biases: int
) -> tuple[Cell, ...]:
    """The cells as sums of weights and biases, with what they are said to come to."""
    parts = [
        (row[weights].strip(), row[biases].strip(), {one.strip() for one in row})
        for row in rows
        if max(weights, biases) < len(row)
    ]
    parts = [one for one in parts if _WHOLE.fullmatch(one[0]) and _WHOLE.fullmatch(one[1])]
    found = []
    for cell in cells:
        own = next((p[:2] for p in parts if {cell.layer, cell.text} <= p[2]), None)
        if own is None or cell.unit:
            found.append(cell)
            continue
        value = sum((Fraction(one.replace(",", "")) for one in own), Fraction(0))
        found.append(replace(cell, text=" + ".join(own), value=value, stated=cell.value))
    return tuple(found)
