"""Tables that compare the built-in variants: a row or a column for each number of 1x1 layers."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAMES = ("zero-1x1", "one-1x1", "two-1x1")
_NAMED = re.compile(r"(?<![A-Za-z])(zero|one|two)[-_ ]1\s?[x×]\s?1(?!\d)", re.IGNORECASE)
_COUNTED = re.compile(
    r"(?P<none>\bno\b|\bwithout\b|zero|零|无|没有|(?<![\d.])0)|(?P<one>\bone\b|一|(?<![\d.])1(?!\s?[x×\d]))"
    r"|(?P<two>\btwo\b|\bboth\b|两|二|(?<![\d.])2)",
    re.IGNORECASE,
)
_LAYERS = re.compile(r"1\s?[x×]\s?1")


def variant_of(words: str, heading: str) -> str | None:
    """The variant that a row's or column's name means, below or beside this heading."""
    named = _NAMED.search(words)
    if named:
        return f"{named[1].lower()}-1x1"
    if not (_LAYERS.search(heading) or _LAYERS.search(words)):
        return None
    bare = _LAYERS.sub(" ", words)
    counts = [_COUNTED.match(bare.strip(" *#")), _COUNTED.search(bare)]
    count = next((one for one in counts if one), None)
    if count is None:
        return None
    return _NAMES[0 if count["none"] else 1 if count["one"] else 2]


def variants_in(names: Sequence[str], heading: str) -> list[str] | None:
    """The variants of all of these names, each another one; None where one is none."""
    found = [variant_of(name, heading) for name in names]
    if len(found) < 2 or None in found or len({*found}) != len(found):
        return None
    return [one for one in found if one]


def by_rows(rows: list[list[str]]) -> list[list[str]]:
    """The table with a row for each variant, where it has a column for each."""
    width = len(rows[0])
    if any(len(row) != width for row in rows) or variants_in(rows[0][1:], rows[0][0]) is None:
        return rows
    return [[row[place] for row in rows] for place in range(width)]
