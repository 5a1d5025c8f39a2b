"""A plan as Markdown, with the commands of its front."""

from __future__ import annotations

from nincost._plan.plan_results import Plan
from nincost._render.markdown import escape, items, table
from nincost._render.plan.text import HEADINGS, NUMBERS, TOP, cells, shown, statements, title


def render(result: Plan, *, top: int = TOP) -> str:
    """The same as the terminal's table."""
    rows = [[escape(cell) for cell in cells(row)] for row in shown(result, top)]
    lines = [f"# {escape(title(result))}", ""]
    lines += table(list(HEADINGS), rows, list(NUMBERS))
    lines += ["", *items(statements(result)), "", "```sh"]
    lines += [row.command for row in result.front]
    return "\n".join([*lines, "```"]) + "\n"
