"""A report as text: the profile's table, then each step's memory."""

from __future__ import annotations

from nincost._render.memory import table as memory_table
from nincost._render.profile import table
from nincost._report.results import Report


def render(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """What `nincost profile` and `nincost memory` print, one after the other."""
    parts = [table.render(report.profile, width=width, color=color)]
    for memory in (report.training, report.inference):
        if memory is not None:
            parts.append(memory_table.render(memory, width=width, color=color))
    return "\n".join(parts)
