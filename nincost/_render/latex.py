"""Any result's rows as a LaTeX tabular: booktabs' rules, numbers in siunitx's S columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from nincost._result import Result

_ESCAPES = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "[": "{[}", "*": "{*}",  # at a line's start they would belong to the row's end before
})  # fmt: skip


def render(result: Result) -> str:
    """The result's own rows; an empty cell where nothing is known."""
    table = result.tabular()
    return write(table.columns, table.rows)


def write(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A tabular with plain numbers, which siunitx groups and aligns; text cells are escaped.

    A column is one of numbers where each cell is a number or None, and not all are None.
    """
    rows = list(rows)
    formats = [_number_format([row[place] for row in rows]) for place in range(len(columns))]
    kinds = "".join("l" if form is None else f"S[table-format={form}]" for form in formats)
    # Braces keep siunitx from reading a heading as a number.
    headings = [
        escape(name) if form is None else f"{{{escape(name)}}}"
        for name, form in zip(columns, formats, strict=True)
    ]
    lines = [
        r"% \usepackage{booktabs,siunitx}",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _line(headings),
        r"\midrule",
        *(_line([_cell(value) for value in row]) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands, on one line."""
    return " ".join(text.split()).translate(_ESCAPES)


def _line(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _cell(value: Any) -> str:
    if value is None:
        return "{}"
    if isinstance(value, float):
        return _decimal(value) if math.isfinite(value) else f"{{{value}}}"
    return str(int(value)) if isinstance(value, int) else escape(str(value))


def _decimal(value: float) -> str:
    """All digits, without an exponent where a person would write none."""
    text = repr(value)
    return text if "e" in text or not text.endswith(".0") else text[:-2]


def _number_format(values: Sequence[Any]) -> str | None:
    """siunitx's `table-format` of a column, `-5.2`; None where it is one of text."""
    known = [value for value in values if value is not None]
    if not known or not all(isinstance(value, int | float) for value in known):
        return None
    numbers = [text for text in map(_cell, known) if not text.startswith("{")]
    digits = [text.lstrip("-").partition("e")[0].partition(".") for text in numbers]
    whole = max((len(before) for before, _, _ in digits), default=1)
    decimals = max((len(after) for _, _, after in digits), default=0)
    exponent = max((len(t.partition("e")[2].lstrip("-+")) for t in numbers), default=0)
    sign = "-" if any(text.startswith("-") for text in numbers) else ""
    return f"{sign}{whole}.{decimals}" + (f"e-{exponent}" if exponent else "")
