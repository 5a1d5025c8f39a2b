"""A sweep as a plain HTML table and its chart, for a notebook and a page."""

from __future__ import annotations

from nincost._plan.sweep_results import Sweep
from nincost._render.figures.picture import Picture
from nincost._render.parts import html
from nincost._render.sweep.text import CommandTable, statements, tables, title


def render(result: Sweep) -> str:
    """No script; no chart where matplotlib is not there, or nothing was predicted."""
    above, below = html.statements(title(result), statements(result))
    picture = ""
    if any(not row.failed for row in result.rows):
        picture = html.inline_picture(lambda: _draw(result), "Each cell's main figure, by model")
    return above + picture + "".join(map(_table, tables(result))) + below


def _table(found: CommandTable) -> str:
    rows = ((*texts, row.reason) for row, texts in found.rows)
    return html.paragraph(found.title) + html.table((*found.headings, "Reason"), rows)


def _draw(result: Sweep) -> Picture:
    from nincost._render.sweep import figure  # which needs matplotlib

    return figure.draw(result, width=html.PICTURE_WIDTH)
