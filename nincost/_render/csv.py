"""Any result's rows as CSV: plain integers, a header line, a row a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from nincost._result import Result

_RUNS_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def render(result: Result) -> str:
    """The result's own rows; lines end with a newline alone, and None is an empty cell."""
    table = result.tabular()
    return write(table.columns, table.rows)


def write(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV text. A text cell that a spreadsheet would run as a formula gets a `'` in front."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_safe(name) for name in columns])
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return stream.getvalue()


def _safe(cell: Any) -> Any:
    if cell is None:
        return ""
    if isinstance(cell, str) and cell.startswith(_RUNS_AS_FORMULA):
        return f"'{cell}"
    return cell
