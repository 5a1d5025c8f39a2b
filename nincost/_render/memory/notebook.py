"""A prediction of memory as a plain HTML table and the picture of the step, for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nincost import _units as units
from nincost._memory.results import Memory
from nincost._render.memory.text import peak_rows, statements, title, verdict
from nincost._render.parts import html, remedies

if TYPE_CHECKING:
    from nincost._render.figures.picture import Picture


def render(result: Memory) -> str:
    """No script and no style sheet; no picture where matplotlib is not there."""
    headings = ("At the peak", "Predicted", "Measured")
    rows = (
        (name, units.size(size), "-" if real is None else units.size(real))
        for name, size, real in peak_rows(result)
    )
    said = statements(result)
    above, below = html.statements(title(result), said)
    picture = ""
    if result.history is not None:
        picture = html.inline_picture(
            lambda: _draw(result), f"The memory over the step: {said[0][1]}"
        )
    return above + _verdict(result) + html.table(headings, rows) + picture + below


def _verdict(result: Memory) -> str:
    """Whether it fits the card, and what makes it fit where it does not."""
    found = result.remedies
    lines = [verdict(result)]
    table = ""
    if found is not None:
        table = html.table(remedies.HEADINGS, remedies.rows(found))
        lines += [remedies.advice(found), remedies.command(found)]
    return "".join(html.paragraph(line) for line in lines if line) + table


def _draw(result: Memory) -> Picture:
    from nincost._render.memory import figure  # which needs matplotlib

    return figure.draw(result, width=html.PICTURE_WIDTH)
