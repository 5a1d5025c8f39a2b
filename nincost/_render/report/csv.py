"""A report as CSV: the layers."""

from __future__ import annotations

from nincost._render.profile import csv
from nincost._report.results import Report


def render(report: Report) -> str:
    """The rows of the profile, as its own CSV has them."""
    return csv.render(report.profile)
