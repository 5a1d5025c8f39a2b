"""The memory over a step: what is in use after each operator, by category, and the peak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from nincost import _units as units
from nincost._memory.replay import Simulation
from nincost._memory.results import Memory
from nincost._render.figures import lettering
from nincost._render.figures.picture import Picture, new_picture
from nincost._render.figures.style import CATEGORY_FILLS, Width, inches, looks, set_scale
from nincost._render.memory.text import ALL_NAMES, title
from nincost._report.results import StepCurve
from nincost._report.step_curve import step_curve

#: Inches.
_LEFT, _RIGHT, _TOP, _BELOW = 0.62, 0.1, 0.16, 0.34
#: Rows of phases' words below the axis, and points from one to the next.
_PHASE_ROWS, _PHASE_LINE = 2, 9
_LEGEND_MARGIN, _LEGEND_LINE, _LEGEND_COLUMN = 0.1, 0.16, 1.55
_MOMENTS_IN_AN_INCH = 60
_PHASE_WORDS = {"zero_grad": "", "end": "", "input": "", "step": "optimizer"}
_LEGEND_SIZE = _PHASE_SIZE = 7.0
_PEAK_SIZE = 7.5


def draw(result: Memory, *, width: Width = "page") -> Picture:
    """The picture of the step that the peak is in.

    Raises:
        ValueError: the result has no history, as only one that was made by hand has not.
    """
    if result.history is None:
        raise ValueError("the result has no history: expected one that nincost.memory gave")
    return draw_step(result.history, result.totals, title(result), width)


class PeakTotals(Protocol):
    """What the picture needs to know of a result's totals."""

    @property
    def peak_allocated_bytes(self) -> int: ...
    @property
    def peak_layer(self) -> str: ...
    @property
    def peak_op(self) -> str: ...
    @property
    def categories_at_peak(self) -> Mapping[str, int]: ...


def draw_step(history: Simulation, totals: PeakTotals, heading: str, width: Width) -> Picture:
    """The picture of the step of a history that its peak is in."""
    wide = inches(width)
    room = wide - _LEFT - _RIGHT
    curve = step_curve(history, round(room * _MOMENTS_IN_AN_INCH))
    columns = max(int((wide - 2 * _LEGEND_MARGIN) / _LEGEND_COLUMN), 1)
    lines = 1 + -(-len(curve.categories) // columns)
    tall = min(max(0.36 * wide, 1.5), 4.0)
    with looks():
        picture = new_picture(heading, wide, _TOP + tall + _BELOW + lines * _LEGEND_LINE)
        axes = picture.place(_LEFT, _TOP, room, tall)
        _stack(axes, curve)
        _phases(axes, curve, room)
        _peak(axes, totals, curve, room)
        _legend(picture, totals, curve, columns, _TOP + tall + _BELOW)
    return picture


def _stack(axes: Axes, curve: StepCurve) -> None:
    """Each category on those below it; memory jumps, so a level holds until the next begins.

    Each area reaches down to 0 and is drawn before those that stand in front of it.
    """
    above = [0] * len(curve.moments)
    areas = []
    for number, name in enumerate(curve.categories):
        above = [a + moment.sizes[number] for a, moment in zip(above, curve.moments, strict=True)]
        areas.append((name, _stairs(curve, above)))
    for name, points in reversed(areas):
        color, hatch = CATEGORY_FILLS[name]
        (area,) = axes.fill(
            *zip(*points, strict=True), facecolor=color, hatch=hatch, edgecolor="black",
            linewidth=0.3,
        )  # fmt: skip
        area.set_gid(f"nincost-{name}")
    axes.set_xlim(0, max(curve.length, 1))
    axes.set_ylim(0, set_scale(axes, "y", max(above), 6, is_bytes=True))
    axes.grid(axis="y")


def _stairs(curve: StepCurve, heights: Sequence[int]) -> list[tuple[int, int]]:
    """The outline of an area, without points that lie on a straight line."""
    points, height = [(curve.moments[0].place, 0)], 0
    for moment, next_height in zip(curve.moments, heights, strict=True):
        if next_height != height:
            points += [(moment.place, height), (moment.place, next_height)]
            height = next_height
    return [*points, (curve.length, height), (curve.length, 0)]


def _phases(axes: Axes, curve: StepCurve, room: float) -> None:
    """A line where each phase begins, and its word below: lower where the phase is narrow."""
    axes.set_xticks([])
    free_from = [0.0] * _PHASE_ROWS
    to_inches = room / max(curve.length, 1)
    shown = [(start, _PHASE_WORDS.get(phase, phase)) for start, phase in curve.phases]
    shown = [(start, words) for start, words in shown if words]
    for place, (start, words) in enumerate(shown):
        needed = lettering.text_width(words, _PHASE_SIZE) + 0.06
        # The word stands right of its line, or left of it at the picture's edge.
        left = start * to_inches
        if left + needed > room:
            left -= needed
        following = shown[place + 1][0] * to_inches if place + 1 < len(shown) else room
        first = 0 if left + needed <= following else 1
        rows = [n for n in range(first, _PHASE_ROWS) if left >= free_from[n]]
        if not rows:
            continue  # a line that nothing names would only be in the way
        row = rows[0]
        axes.axvline(start, ymin=-0.04 * (row + 1), color="black", linewidth=0.5,
                     linestyle=(0, (2, 2)), clip_on=False)  # fmt: skip
        axes.annotate(
            words, (left / to_inches, 0), xytext=(3, -4 - row * _PHASE_LINE),
            textcoords="offset points", va="top", fontsize=_PHASE_SIZE, annotation_clip=False,
        )  # fmt: skip
        free_from[row] = left + needed


def _peak(axes: Axes, totals: PeakTotals, curve: StepCurve, room: float) -> None:
    place, size = curve.moments[curve.peak].place, totals.peak_allocated_bytes
    axes.axvline(place, color="black", linewidth=0.9)
    axes.plot([place], [size], "o", markerfacecolor="white", markeredgecolor="black", zorder=5)
    # The words stand above the line, and lean to the side that has room.
    words = _peak_words(totals, room)
    share = place / max(curve.length, 1)
    half = lettering.text_width(words, _PEAK_SIZE) / room / 2
    shift = min(max(share, half), 1 - half)
    axes.annotate(
        words, (shift, 1.0), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
        ha="center", va="bottom", fontsize=_PEAK_SIZE,
    )  # fmt: skip


def _peak_words(totals: PeakTotals, room: float) -> str:
    """How much and where: without the operator where there is no room for it."""
    words = f"peak {units.size(totals.peak_allocated_bytes)}"
    if not totals.peak_layer:
        return words
    longer = lettering.visible(f"{words} at {totals.peak_layer}")
    whole = lettering.visible(f"{longer} ({totals.peak_op})")
    if totals.peak_op and lettering.text_width(whole, _PEAK_SIZE) <= room:
        return whole
    start = f"{words} at "
    left = room - lettering.text_width(start, _PEAK_SIZE)
    return start + lettering.shorten(totals.peak_layer, left, _PEAK_SIZE, keep="end")


def _legend(
    picture: Picture, totals: PeakTotals, curve: StepCurve, columns: int, top: float
) -> None:
    """The categories from the bottom up, each with its part of the peak."""
    handles = []
    for name in curve.categories:
        color, hatch = CATEGORY_FILLS[name]
        size = totals.categories_at_peak[name]
        words = f"{ALL_NAMES.get(name, name)} {units.size(size)}"
        handles.append(
            Patch(facecolor=color, hatch=hatch, edgecolor="black", linewidth=0.4, label=words)
        )
    picture.write("At the peak, from the bottom up", _LEGEND_MARGIN, top, fontsize=_LEGEND_SIZE)
    wide = picture.width
    picture.legend(
        handles=handles, loc="upper left", mode="expand", ncols=columns, fontsize=_LEGEND_SIZE,
        bbox_to_anchor=(
            _LEGEND_MARGIN / wide, 1 - (picture.top + top + _LEGEND_LINE) / picture.height,
            1 - 2 * _LEGEND_MARGIN / wide, 0,
        ),
        borderaxespad=0, borderpad=0, labelspacing=0.5, handlelength=1.8, handleheight=1.0,
    )  # fmt: skip
