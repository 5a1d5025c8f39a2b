"""A sweep as a table for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._plan.sweep_results import Sweep
from nincost._render.parts.terminal import draw, grid, new_table
from nincost._render.sweep.text import TOP, statements, tables, title


def render(result: Sweep, *, top: int = TOP, width: int | None = None, color: bool = False) -> str:
    """A table for each command: its first rows, in the order of the sweep; and what failed."""
    parts: list[RenderableType] = [Text(title(result), style="bold"), Text()]
    for found in tables(result):
        table = new_table()
        for heading, is_number in zip(found.headings, found.are_numbers, strict=True):
            table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
        for row, texts in found.rows[:top]:
            table.add_row(*map(Text, texts), style="dim" if row.failed else "")
        parts += [Text(found.title, style="bold"), table]
        if top < len(found.rows):
            others = f"{len(found.rows) - top} others: --output FILE.csv"
            parts.append(Text(others, style="dim"))
        parts.append(Text())
    return draw([*parts, grid(statements(result))], width=width, color=color)
