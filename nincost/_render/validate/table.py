"""Predicted against measured as a table for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost import _units as units
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table
from nincost._render.validate.text import NAMES, error, statements, title
from nincost._validate.results import COMPARED, Validation


def render(result: Validation, *, width: int | None = None, color: bool = False) -> str:
    """A line for each case, then the errors in words."""
    narrow = width is not None and width < WIDE_FROM
    shown = COMPARED[:2] if narrow else COMPARED
    table = new_table()
    table.add_column("Case", overflow="fold")
    for name in shown:
        table.add_column(f"{NAMES[name].capitalize()}\npredicted", justify="right", no_wrap=True)
        table.add_column("\nmeasured", justify="right", no_wrap=True)
        table.add_column("\nerror", justify="right", no_wrap=True)
    for row in result.rows:
        cells = [row.case]
        for name in shown:
            cells += ["-" if size is None else units.size(size) for size in row.pair(name)]
            cells.append(error(row, name))
        table.add_row(*map(Text, cells))
    heading = Text(title(result), style="bold")
    parts: list[RenderableType] = [heading, Text(), table, Text(), grid(statements(result))]
    return draw(parts, width=width, color=color)
