"""The memory over the step of a run that its peak is in."""

from __future__ import annotations

from nincost._emulator.results import Run
from nincost._render.figures.picture import Picture
from nincost._render.figures.style import Width
from nincost._render.memory.figure import draw_step
from nincost._render.run.text import title


def draw(result: Run, *, width: Width = "page") -> Picture:
    """The picture, as `memory` draws it for a predicted step.

    Raises:
        ValueError: the result has no history, as only one that was made by hand has not.
    """
    if result.history is None:
        raise ValueError("the result has no history: expected one that nincost.run gave")
    return draw_step(result.history, result.totals, title(result), width)
