"""A sweep as a plain HTML table and its chart, for a notebook and a page."""

from __future__ import annotations

from nincost._plan.sweep_results import Sweep
from nincost._render.figures.picture import Picture
from nincost._render.parts import html
from nincost._render.sweep.text import cells, headings, statements, title


def render(result: Sweep) -> str:
    """No script; no chart where matplotlib is not there, or nothing was predicted."""
    rows = ((*cells(result, row), row.reason) for row in result.rows)
    above, below = html.statements(title(result), statements(result))
    picture = ""
    if any(not row.failed for row in result.rows):
        picture = html.inline_picture(lambda: _draw(result), "Each cell's main figure, by model")
    return above + picture + html.table((*headings(result), "Reason"), rows) + below


def _draw(result: Sweep) -> Picture:
    from nincost._render.sweep import figure  # which needs matplotlib

    return figure.draw(result, width=html.PICTURE_WIDTH)
