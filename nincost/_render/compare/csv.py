"""A comparison as CSV: plain numbers, each ratio in a cell of its own."""

from __future__ import annotations

from nincost._compare.results import Comparison
from nincost._compare.view import ComparisonView, rows
from nincost._render import csv


def render(comparison: Comparison, *, view: ComparisonView | None = None) -> str:
    """The rows that `view` picks, under a header line."""
    table = rows(comparison, view or ComparisonView())
    return csv.write(table.columns, table.rows)
