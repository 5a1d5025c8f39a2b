"""A prediction of time as Markdown."""

from __future__ import annotations

from nincost import _units as units
from nincost._render.markdown import escape, items, table
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


def render(result: StepTime, *, top: int = TOP) -> str:
    """The tables, and the words."""
    step = result.totals.step_seconds or 1.0
    lines = [f"# {escape(title(result))}", ""]
    by_phase = [
        [name, units.duration(seconds), percent(seconds / step)] for name, seconds in phases(result)
    ]
    lines += table(["Phase", "Time", "Share"], by_phase, [False, True, True])
    for headings, rows in (
        (LAYER_HEADINGS, layer_rows(result, top)),
        (OPERATOR_HEADINGS, operator_rows(result, top)),
        (GAIN_HEADINGS, gain_rows(result)),
    ):
        if rows:
            right = [0 < place < len(headings) - 1 for place in range(len(headings))]
            cells = [[escape(cell) for cell in row] for row in rows]
            lines += ["", *table(headings, cells, right)]
    lines += ["", *items(statements(result))]
    return "\n".join(lines) + "\n"
