"""A profile as a LaTeX tabular."""

from __future__ import annotations

from nincost._profile.results import Profile
from nincost._profile.view import View, flat_rows, total_row
from nincost._render import latex
from nincost._render.profile.text import SHORT_COLUMNS


def render(profile: Profile, *, view: View | None = None) -> str:
    """The columns of the Markdown table, unless `view` picks others, with a row named `total`."""
    view = view or View()
    columns = view.pick_columns(SHORT_COLUMNS)
    records = (row.to_dict() for row in (*flat_rows(profile, view), total_row(profile)))
    return latex.write(columns, ([record[name] for name in columns] for record in records))
