"""A run on the emulated GPU as HTML tables and the picture of the step, for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nincost import _units as units
from nincost._emulator.results import Run
from nincost._render.parts import html
from nincost._render.parts.run_time import (
    OPERATOR_HEADINGS,
    PHASE_HEADINGS,
    operator_rows,
    phase_rows,
)
from nincost._render.run.text import TOP, line_rows, peak_rows, shown, statements, title, verdict

if TYPE_CHECKING:
    from nincost._render.figures.picture import Picture


def render(result: Run) -> str:
    """No script and no style sheet; no picture where matplotlib is not there."""
    above, below = html.statements(
        title(result), [("Verdict", verdict(result)), *statements(result)]
    )
    peak = ((name, units.size(size)) for name, size in peak_rows(result))
    lines = ((row.name, units.size(row.bytes)) for row in shown(line_rows(result), TOP))
    picture = ""
    if result.history is not None:
        picture = html.inline_picture(lambda: _draw(result), "The memory over the step")
    return (
        above
        + html.table(("At the peak", "Emulated"), peak)
        + html.table(("Line at the peak", "Emulated"), lines)
        + _times(result)
        + picture
        + below
    )


def _times(result: Run) -> str:
    found = result.time
    if found is None:
        return ""
    rows = operator_rows(found, TOP)
    return html.table(PHASE_HEADINGS, phase_rows(found)) + html.table(OPERATOR_HEADINGS, rows)


def _draw(result: Run) -> Picture:
    from nincost._render.run import figure  # which needs matplotlib

    return figure.draw(result, width=html.PICTURE_WIDTH)
