"""A report as Markdown: the profile's layers and totals, then each step's memory."""

from __future__ import annotations

from nincost._render.memory import markdown as memory_markdown
from nincost._render.profile import markdown as profile_markdown
from nincost._render.time import markdown as time_markdown
from nincost._report.results import Report


def render(report: Report) -> str:
    """What `nincost profile`, `nincost memory` and `nincost time` write, one after the other."""
    parts = [profile_markdown.render(report.profile)]
    for memory in (report.training, report.inference):
        if memory is not None:
            parts.append(memory_markdown.render(memory))
    if report.time is not None:
        parts.append(time_markdown.render(report.time))
    return "\n".join(parts)
