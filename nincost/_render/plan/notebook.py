"""A plan as a plain HTML table and its picture, for a notebook and a page."""

from __future__ import annotations

from nincost._plan.plan_results import Plan
from nincost._render.figures.picture import Picture
from nincost._render.parts import html
from nincost._render.plan.text import HEADINGS, cells, statements, title


def render(result: Plan) -> str:
    """No script; no picture where matplotlib is not there."""
    headings = (*HEADINGS, "Command")
    rows = ((*cells(row), row.command) for row in result.rows)
    above, below = html.statements(title(result), statements(result))
    picture = html.inline_picture(lambda: _draw(result), "Memory against the batch of a rank")
    return above + picture + html.table(headings, rows) + below


def _draw(result: Plan) -> Picture:
    from nincost._render.plan import figure  # which needs matplotlib

    return figure.draw(result, width=html.PICTURE_WIDTH)
