"""A profile as CSV: plain integers, one row for each layer."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from nincost._profile.results import COLUMNS, Profile
from nincost._profile.view import View, flat_rows, total_row

_RUNS_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def render(profile: Profile, view: View | None = None) -> str:
    """The rows that `view` picks, under a header line; lines end with a newline alone."""
    view = view or View()
    columns = view.pick_columns(COLUMNS)
    rows = flat_rows(profile, view)
    if view.total:
        rows.append(total_row(profile))
    cells = (row.to_dict() for row in rows)
    return write(columns, ([cell[name] for name in columns] for cell in cells))


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
