"""A training as a table for a terminal: a row for each epoch, and words."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._render.parts.terminal import draw, grid, new_table
from nincost._render.train.text import COLUMNS, cells, statements, title
from nincost._train.results import Training


def render(result: Training, *, width: int | None = None, color: bool = False) -> str:
    """The epochs, and what was measured beside what was predicted."""
    table = new_table()
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in result.epochs:
        table.add_row(*map(Text, cells(row)))
    heading = Text(title(result), style="bold")
    parts: list[RenderableType] = [heading, Text(), table, Text(), grid(statements(result))]
    return draw(parts, width=width, color=color)
