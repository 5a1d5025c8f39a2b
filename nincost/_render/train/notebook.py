"""A training as a plain HTML table, for a notebook."""

from __future__ import annotations

from nincost._render.parts import html
from nincost._render.train.text import COLUMNS, cells, statements, title
from nincost._train.results import Training


def render(result: Training) -> str:
    """No script and no style sheet."""
    above, below = html.statements(title(result), statements(result))
    return above + html.table(COLUMNS, map(cells, result.epochs)) + below
