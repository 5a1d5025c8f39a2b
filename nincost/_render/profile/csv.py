"""A profile as CSV: plain integers, one row for each layer."""

from __future__ import annotations

from nincost._profile.results import COLUMNS, Profile
from nincost._profile.view import View, flat_rows, total_row
from nincost._render import csv


def render(profile: Profile, *, view: View | None = None) -> str:
    """The rows that `view` picks, under a header line."""
    view = view or View()
    columns = view.pick_columns(COLUMNS)
    rows = flat_rows(profile, view)
    if view.total:
        rows.append(total_row(profile))
    cells = (row.to_dict() for row in rows)
    return csv.write(columns, ([cell[name] for name in columns] for cell in cells))
