"""A report's picture: the memory over the step, or what layers cost where there is no step."""

from __future__ import annotations

from nincost._render.figures.picture import Picture
from nincost._render.figures.style import Width
from nincost._render.memory import figure as memory_figure
from nincost._render.profile import figure as profile_figure
from nincost._report.results import Report


def draw(report: Report, *, width: Width = "page") -> Picture:
    """The picture of `nincost memory`, else that of `nincost profile`."""
    if report.step is None:
        return profile_figure.draw(report.profile, width=width)
    return memory_figure.draw(report.step, width=width)
