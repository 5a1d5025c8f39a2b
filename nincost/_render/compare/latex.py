"""A comparison as a LaTeX tabular."""

from __future__ import annotations

from nincost._compare.results import Comparison
from nincost._compare.view import ComparisonView, rows
from nincost._render import latex


def render(comparison: Comparison, *, view: ComparisonView | None = None) -> str:
    """The rows that `view` picks, with whole numbers and decimal ratios."""
    table = rows(comparison, view or ComparisonView())
    return latex.write(table.columns, table.rows)
