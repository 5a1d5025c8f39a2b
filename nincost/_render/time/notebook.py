"""A prediction of time as plain HTML tables, for a notebook."""

from __future__ import annotations

from nincost._render.parts import html
from nincost._render.time.text import (
    GAIN_HEADINGS,
    LAYER_HEADINGS,
    OPERATOR_HEADINGS,
    TOP,
    gain_rows,
    layer_rows,
    operator_rows,
    statements,
    title,
)
from nincost._time.results import StepTime


def render(result: StepTime) -> str:
    """No script and no style sheet."""
    above, below = html.statements(title(result), statements(result))
    tables = [
        html.table(headings, rows)
        for headings, rows in (
            (LAYER_HEADINGS, layer_rows(result, TOP)),
            (OPERATOR_HEADINGS, operator_rows(result, TOP)),
            (GAIN_HEADINGS, gain_rows(result)),
        )
        if rows
    ]
    return above + "".join(tables) + below
