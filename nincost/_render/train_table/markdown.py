"""Trainings side by side, with published figures, as Markdown."""

from __future__ import annotations

from nincost._render.markdown import escape, items, table
from nincost._render.train_table.text import COLUMNS, TEXT_COLUMNS, here, published, statements
from nincost._train.compare_runs import TrainTable


def render(result: TrainTable) -> str:
    """The same as the terminal's table."""
    rows = []
    for row in result.rows:
        rows.append(here(row))
        rows += [published(one) for one in row.entry.published]
    cells = [[escape(cell) for cell in row] for row in rows]
    right = [name not in TEXT_COLUMNS for name in COLUMNS]
    lines = table([name.lower() for name in COLUMNS], cells, right)
    lines += ["", *items(statements(result))]
    return "\n".join(lines) + "\n"
