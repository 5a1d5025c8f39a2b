"""A sweep as a table for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._plan.sweep_results import Sweep
from nincost._render.parts.terminal import draw, grid, new_table
from nincost._render.sweep.text import TOP, are_numbers, cells, headings, statements, title


def render(result: Sweep, *, top: int = TOP, width: int | None = None, color: bool = False) -> str:
    """The first rows, in the order of the sweep, and what failed."""
    table = new_table()
    for heading, is_number in zip(headings(result), are_numbers(result), strict=True):
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in result.rows[:top]:
        table.add_row(*map(Text, cells(result, row)), style="dim" if row.failed else "")
    parts: list[RenderableType] = [Text(title(result), style="bold"), Text(), table]
    if top < len(result.rows):
        parts.append(Text(f"{len(result.rows) - top} others: --output FILE.csv", style="dim"))
    return draw([*parts, Text(), grid(statements(result))], width=width, color=color)
