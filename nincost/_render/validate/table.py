"""Predicted against measured as a table for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost import _units as units
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table
from nincost._render.validate.text import NAMES, TIME_HEADINGS, error, statements, time_rows, title
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
    parts: list[RenderableType] = [table, Text()]
    if timed := time_rows(result):
        times = new_table()
        for place, name in enumerate(TIME_HEADINGS):
            times.add_column(name, justify="right" if place else "left", overflow="fold")
        for line in timed:
            times.add_row(*map(Text, line))
        parts += [times, Text()]
    heading = Text(title(result), style="bold")
    return draw([heading, Text(), *parts, grid(statements(result))], width=width, color=color)
