"""The largest batch as a plain HTML table and its picture, for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nincost import _units as units
from nincost._memory.fit_results import Fit
from nincost._render.fit.text import rows, statements, title
from nincost._render.parts import html

if TYPE_CHECKING:
    from nincost._render.figures.picture import Picture


def render(result: Fit) -> str:
    """No script and no style sheet; no picture where matplotlib is not there."""
    batch = result.totals.batch_size
    headings = ("At the peak", f"Batch {batch}", f"Batch {result.totals.next_batch_size}")
    cells = [(name, units.size(at), units.size(more)) for name, at, more in rows(result)]
    said = statements(result)
    above, below = html.statements(title(result), said)
    picture = html.inline_picture(lambda: _draw(result), f"Memory by batch size: {said[0][1]}")
    return above + html.table(headings, cells) + picture + below


def _draw(result: Fit) -> Picture:
    from nincost._render.fit import figure  # which needs matplotlib

    return figure.draw(result, width=html.PICTURE_WIDTH)
