"""A prediction of time as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nincost import _units as units
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table
from nincost._render.parts.times import percent
from nincost._render.time.text import (
    GAIN_HEADINGS,
    LAYER_HEADINGS,
    OPERATOR_HEADINGS,
    TOP,
    gain_rows,
    layer_rows,
    operator_rows,
    phases,
    statements,
    title,
)
from nincost._time.results import StepTime

_RATES = ("FLOP/s", "Bytes/s")
_WORDS = ("Layer", "Operator", "Waits for", "What would be faster", "In words")


def render(
    result: StepTime, *, top: int = TOP, width: int | None = None, color: bool = False
) -> str:
    """Phases, then the layers and operators that take longest, then what would be faster."""
    step = result.totals.step_seconds or 1.0
    by_phase = [
        (name, units.duration(seconds), percent(seconds / step)) for name, seconds in phases(result)
    ]
    parts: list[RenderableType] = [
        Text(title(result), style="bold"),
        Text(),
        _table(("Phase", "Time", "Share"), by_phase, last_is_total=True),
        Text(),
        _table(LAYER_HEADINGS, layer_rows(result, top)),
        Text(),
        _operators(result, top, narrow=width is not None and width < WIDE_FROM),
        Text(),
    ]
    if result.gains:
        parts += [_table(GAIN_HEADINGS, gain_rows(result)), Text()]
    return draw([*parts, grid(statements(result))], width=width, color=color)


def _operators(result: StepTime, top: int, *, narrow: bool) -> Table:
    """Operators; without their rates where there is no room."""
    kept = [
        place for place, name in enumerate(OPERATOR_HEADINGS) if not (narrow and name in _RATES)
    ]
    rows = [[row[place] for place in kept] for row in operator_rows(result, top)]
    return _table([OPERATOR_HEADINGS[place] for place in kept], rows)


def _table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, last_is_total: bool = False
) -> Table:
    table = new_table()
    for place, heading in enumerate(headings):
        words = heading in _WORDS or (not place and last_is_total)
        table.add_column(
            heading,
            justify="left" if words else "right",
            no_wrap=place > 0 and heading != "In words",  # names give way to figures
            overflow="ellipsis" if not place else "fold",
        )
    for number, row in enumerate(rows):
        is_total = last_is_total and number == len(rows) - 1
        if is_total:
            table.add_section()
        table.add_row(*map(Text, row), style="bold" if is_total else "")
    return table
