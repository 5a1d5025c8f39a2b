"""A report as a LaTeX tabular: the layers."""

from __future__ import annotations

from nincost._render.profile import latex
from nincost._report.results import Report


def render(report: Report) -> str:
    """The rows of the profile, as its own LaTeX has them."""
    return latex.render(report.profile)
