"""A profile as a Markdown table."""

from __future__ import annotations

from nincost._profile.results import Profile
from nincost._profile.view import View, flat_rows, total_row
from nincost._render.markdown import cell, escape, items, table
from nincost._render.profile.text import SHORT_COLUMNS, TEXT_COLUMNS, notes, summary


def render(profile: Profile, *, view: View | None = None) -> str:
    """A heading, the rows with whole numbers, and the totals in words."""
    view = view or View()
    columns = view.pick_columns(SHORT_COLUMNS)
    records = [row.to_dict() for row in (*flat_rows(profile, view), total_row(profile))]
    cells = ([cell(record[name]) for name in columns] for record in records)
    lines = [f"# {escape(profile.model)}", ""]
    lines += table(columns, cells, right=[name not in TEXT_COLUMNS for name in columns])
    lines += ["", *items(summary(profile)), *(f"- {escape(text)}" for text in notes(profile))]
    return "\n".join(lines) + "\n"
