"""A run on the emulated GPU as tables for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nincost import _units as units
from nincost._emulator.results import Run
from nincost._emulator.time_results import ScriptTime
from nincost._render.parts.run_time import (
    OPERATOR_HEADINGS,
    PHASE_HEADINGS,
    operator_rows,
    phase_rows,
)
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table
from nincost._render.run.text import (
    PARTS,
    TOP,
    Row,
    layer_rows,
    line_rows,
    peak_rows,
    shown,
    statements,
    step_rows,
    title,
    verdict,
)

#: Characters of a line's or layer's name: at most, and at least where there is room for figures.
_MOST, _LEAST = 60, 32
#: The longest figure: `146.0 MiB`.
_FIGURE = 9


def render(result: Run, *, top: int = TOP, width: int | None = None, color: bool = False) -> str:
    """Whether it fits, what the peak is made of, and which lines and layers hold it."""
    narrow = width is not None and width < WIDE_FROM
    good = result.exit_status == 0
    parts: list[RenderableType] = [
        Text(verdict(result), style="bold green" if good else "bold red"),
        Text(title(result), style="bold"),
        Text(),
        _peak_table(result),
        Text(),
        _rows_table("Line at the peak", shown(line_rows(result), top), width),
        Text(),
        _rows_table("Layer at the peak", shown(layer_rows(result), top), width),
        Text(),
    ]
    steps = step_rows(result)
    if steps:
        parts += [_step_table(steps, result, narrow=narrow), Text()]
    if result.time is not None:
        parts += _times(result.time, top)
    parts.append(grid(statements(result)))
    return draw(parts, width=width, color=color)


def _times(found: ScriptTime, top: int) -> list[RenderableType]:
    """Phases, and the operators that take longest."""
    parts: list[RenderableType] = []
    for headings, rows in (
        (PHASE_HEADINGS, phase_rows(found)), (OPERATOR_HEADINGS, operator_rows(found, top)),
    ):  # fmt: skip
        table = new_table()
        for heading in headings:
            first = heading == headings[0]  # names give way to figures
            words = first or heading == "Waits for"
            table.add_column(
                heading, justify="left" if words else "right", no_wrap=not first,
                overflow="ellipsis",
            )  # fmt: skip
        for row in rows:
            table.add_row(*map(Text, row))
        parts += [table, Text()]
    return parts


def _peak_table(result: Run) -> Table:
    table = new_table()
    table.add_column("At the peak", no_wrap=True)
    table.add_column("Bytes", justify="right", no_wrap=True)
    table.add_column("Share", justify="right", no_wrap=True)
    rows = peak_rows(result)
    first_total = next(n for n, (name, _) in enumerate(rows) if name == "peak allocated")
    for number, (name, size) in enumerate(rows):
        is_total = number >= first_total
        if number == first_total:
            table.add_section()
        share = 100 * size / max(result.totals.peak_allocated_bytes, 1)
        cells = (name, units.size(size), "" if is_total else f"{share:.1f}%")
        table.add_row(*map(Text, cells), style="bold" if is_total else "")
    return table


def _rows_table(heading: str, rows: list[Row], width: int | None) -> Table:
    """Rows with a column for each part that there is room for: those that hold most."""
    sums = {
        name: sum(row.categories.get(k, 0) for row in rows for k in PARTS[name]) for name in PARTS
    }
    chosen = [name for name in PARTS if sums[name]]
    least = min(_MOST, max([_LEAST, *(len(row.place) for row in rows)]))
    while width and chosen and width - _figures_width(chosen) < least:
        chosen.remove(min(chosen, key=lambda name: sums[name]))
    room = _MOST if width is None else min(_MOST, width - _figures_width(chosen))
    table = new_table()
    table.add_column(heading, overflow="ellipsis", no_wrap=True, max_width=room)
    for name in ("Bytes", *chosen):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = [row.name, units.size(row.bytes)]
        for name in chosen:
            size = sum(row.categories.get(key, 0) for key in PARTS[name])
            cells.append(units.size(size) if size else "")
        table.add_row(*map(Text, cells))
    return table


def _figures_width(columns: list[str]) -> int:
    """Characters that the columns of figures take, each with two blanks before it."""
    return sum(max(len(name), _FIGURE) + 2 for name in ("Bytes", *columns))


def _step_table(rows: list[tuple[str, ...]], result: Run, *, narrow: bool) -> Table:
    columns = ["Rank", result.ranks[0].unit.capitalize(), "Peak allocated", "Reserved", "Process",
               "After forward", "After backward", "After step"]  # fmt: skip
    first, last = (0 if len(result.ranks) > 1 else 1), (5 if narrow else len(columns))
    table = new_table()
    for name in columns[first:last]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row[first:last]))
    return table
