"""A sweep as Markdown."""

from __future__ import annotations

from nincost._plan.sweep_results import Sweep
from nincost._render.markdown import escape, items, table
from nincost._render.sweep.text import TOP, are_numbers, cells, headings, statements, title


def render(result: Sweep, *, top: int = TOP) -> str:
    """The same as the terminal's table."""
    rows = [[escape(cell) for cell in cells(result, row)] for row in result.rows[:top]]
    lines = [f"# {escape(title(result))}", ""]
    lines += table(list(headings(result)), rows, list(are_numbers(result)))
    return "\n".join([*lines, "", *items(statements(result))]) + "\n"
