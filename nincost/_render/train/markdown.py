"""A training as Markdown."""

from __future__ import annotations

from nincost._render.markdown import escape, items, table
from nincost._render.train.text import COLUMNS, cells, statements, title
from nincost._train.results import Training


def render(result: Training) -> str:
    """The epochs as a table, and the words."""
    lines = [f"# {escape(title(result))}", ""]
    columns = [name.lower() for name in COLUMNS]
    lines += table(columns, map(cells, result.epochs), [True] * len(columns))
    lines += ["", *items(statements(result))]
    return "\n".join(lines) + "\n"
