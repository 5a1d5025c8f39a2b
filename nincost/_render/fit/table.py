"""The largest batch as a table for a terminal: the memory at it and at one more."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost import _units as units
from nincost._memory.fit_results import Fit
from nincost._render.fit.text import rows, statements, title
from nincost._render.parts.terminal import draw, grid, new_table

_TOTALS = 3


def render(result: Fit, *, width: int | None = None, color: bool = False) -> str:
    """Both batches side by side."""
    batch = result.totals.batch_size
    table = new_table()
    table.add_column("At the peak", no_wrap=True)
    table.add_column(f"Batch {batch}", justify="right", no_wrap=True)
    table.add_column(f"Batch {result.totals.next_batch_size}", justify="right", no_wrap=True)
    lines = rows(result)
    for number, (name, at, more) in enumerate(lines):
        is_total = number >= len(lines) - _TOTALS
        if number == len(lines) - _TOTALS:
            table.add_section()
        cells = [Text(name), Text(units.size(at)), Text(units.size(more))]
        table.add_row(*cells, style="bold" if is_total else "")
    heading = Text(title(result), style="bold")
    parts: list[RenderableType] = [heading, Text(), table, Text(), grid(statements(result))]
    return draw(parts, width=width, color=color)
