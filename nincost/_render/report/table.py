"""A report as text: the textbook's four questions, each with its answer."""

from __future__ import annotations

from rich.text import Text

from nincost._render.parts.terminal import draw, grid
from nincost._render.report.text import answers, asked
from nincost._report.results import Report


def render(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """What was asked about, and four answers: five lines."""
    heading = Text(asked(report), style="bold")
    return draw([heading, grid(answers(report))], width=width, color=color)
