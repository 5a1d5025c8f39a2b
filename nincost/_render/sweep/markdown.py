"""A sweep as Markdown."""

from __future__ import annotations

from nincost._plan.sweep_results import Sweep
from nincost._render.markdown import escape, items, table
from nincost._render.sweep.text import TOP, statements, tables, title


def render(result: Sweep, *, top: int = TOP) -> str:
    """The same as the terminal's tables."""
    lines = [f"# {escape(title(result))}", ""]
    for found in tables(result):
        rows = [[escape(text) for text in texts] for _, texts in found.rows[:top]]
        lines += [f"## {escape(found.title)}", ""]
        lines += [*table(list(found.headings), rows, list(found.are_numbers)), ""]
    return "\n".join([*lines, *items(statements(result))]) + "\n"
