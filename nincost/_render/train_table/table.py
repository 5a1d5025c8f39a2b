"""Trainings side by side, with published figures, as a table for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._render.parts.terminal import draw, grid, new_table
from nincost._render.train_table.text import COLUMNS, TEXT_COLUMNS, here, published, statements
from nincost._train.compare_runs import TrainTable


def render(result: TrainTable, *, width: int | None = None, color: bool = False) -> str:
    """Each training's own figures, and the published ones below."""
    table = new_table()
    for name in COLUMNS:
        is_text = name in TEXT_COLUMNS
        table.add_column(
            name, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold"
        )
    for row in result.rows:
        table.add_row(*map(Text, here(row)))
        for one in row.entry.published:
            table.add_row(*map(Text, published(one)), style="dim")
    parts: list[RenderableType] = [table, Text(), grid(statements(result))]
    return draw(parts, width=width, color=color)
