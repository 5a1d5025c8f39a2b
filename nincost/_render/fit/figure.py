"""Memory by batch size up to the card's: predictions as points, and the largest batch that fits."""

from __future__ import annotations

from matplotlib.axes import Axes

from nincost import _units as units
from nincost._devices.cards import GPUS
from nincost._memory.fit_results import Fit, FitPoint
from nincost._render.figures import lettering
from nincost._render.figures.picture import Picture, new_picture
from nincost._render.figures.style import DARK, Width, count_scale, inches, looks, set_scale
from nincost._render.fit.text import title

#: Inches.
_LEFT, _RIGHT, _TOP, _BELOW = 0.62, 0.14, 0.16, 0.42
_LEGEND_MARGIN, _LEGEND_LINE, _LEGEND_COLUMN = 0.1, 0.16, 1.55
_LABELS = 4
_SIZE = 7.0
#: Batches far beyond the answer, where the search began, would press the rest into a corner.
_BEYOND = 1.6


def draw(result: Fit, *, width: Width = "page") -> Picture:
    """What a process takes and what of it is allocated, by batch, under the budget's line."""
    wide = inches(width)
    room = wide - _LEFT - _RIGHT
    tall = min(max(0.34 * wide, 1.7), 4.0)
    answer = result.totals.batch_size
    points = [p for p in result.points if p.batch_size <= max(_BEYOND * answer, answer + 1)]
    columns = max(int((wide - 2 * _LEGEND_MARGIN) / _LEGEND_COLUMN), 1)
    lines = -(-_LABELS // columns)
    with looks():
        picture = new_picture(title(result), wide, _TOP + tall + _BELOW + lines * _LEGEND_LINE)
        axes = picture.place(_LEFT, _TOP, room, tall)
        most = max(
            result.totals.budget_bytes,
            result.memory.totals.interval["process_bytes"][1],
            *(point.process_bytes for point in points),
        )
        set_scale(axes, "y", most, 6, is_bytes=True)
        axes.set_ylim(0, most * 1.06)
        _batches(axes, max(point.batch_size for point in points), room)
        axes.grid(axis="y")
        _lines(axes, points)
        _budget(axes, result, room)
        _answer(axes, result, room)
        picture.legend(
            loc="upper left", mode="expand", ncols=columns, fontsize=_SIZE,
            bbox_to_anchor=(
                _LEGEND_MARGIN / wide, 1 - (picture.top + _TOP + tall + _BELOW) / picture.height,
                1 - 2 * _LEGEND_MARGIN / wide, 0,
            ),
            borderaxespad=0, borderpad=0, labelspacing=0.5, handlelength=2.4,
        )  # fmt: skip
    return picture


def _batches(axes: Axes, last: int, room: float) -> None:
    """The axis of batch sizes, in whole numbers."""
    step, _ = count_scale(last, max(int(room / 0.5), 2))
    ticks = range(0, last + 1, step)
    axes.set_xticks(ticks, labels=[units.exact(tick) for tick in ticks])
    axes.set_xlim(0, last * 1.04)
    axes.set_xlabel("Batch size", labelpad=2)


def _lines(axes: Axes, points: list[FitPoint]) -> None:
    batches = [point.batch_size for point in points]
    for name, words, style in (
        ("process_bytes", "process, with its context", "o-"),
        ("peak_reserved_bytes", "reserved", "s--"),
        ("peak_allocated_bytes", "allocated", "^:"),
    ):
        values = [getattr(point, name) for point in points]
        axes.plot(
            batches, values, style, label=words, color=DARK, markersize=3.5,
            markerfacecolor="white", markeredgewidth=0.8, linewidth=1.0, clip_on=False,
        )  # fmt: skip


def _budget(axes: Axes, result: Fit, room: float) -> None:
    budget = result.totals.budget_bytes
    axes.axhline(budget, color="black", linewidth=1.2)
    words = units.size(budget)
    if any(gpu.title == result.gpu and gpu.memory_bytes == budget for gpu in GPUS.values()):
        words += f", {result.gpu}"  # a size alone names no card
    words = lettering.shorten(words, room * 0.7, _SIZE)
    axes.annotate(
        words, (0, budget), xytext=(4, -3), textcoords="offset points", va="top", fontsize=_SIZE
    )


def _answer(axes: Axes, result: Fit, room: float) -> None:
    """The largest batch and one more, and how far its memory may be off."""
    totals = result.totals
    low, high = result.memory.totals.interval["process_bytes"]
    axes.errorbar(
        [totals.batch_size], [totals.process_bytes],
        yerr=[[max(totals.process_bytes - low, 0)], [max(high - totals.process_bytes, 0)]],
        color="black", linewidth=0.8, capsize=2.5, fmt="o", markersize=4, clip_on=False, zorder=5,
        label="largest batch, with range",
    )  # fmt: skip
    axes.vlines(totals.batch_size, 0, totals.process_bytes, color="black", linewidth=0.5,
                linestyle=(0, (2, 2)))  # fmt: skip
    on_right = totals.batch_size < axes.get_xlim()[1] / 2
    axes.annotate(
        f"batch {units.exact(totals.batch_size)}", (totals.batch_size, 0),
        xytext=(3 if on_right else -3, 3), textcoords="offset points",
        ha="left" if on_right else "right", va="bottom", fontsize=_SIZE,
    )  # fmt: skip
    words = (
        f"batch {units.exact(totals.batch_size)}: {units.size(totals.process_bytes)}; "
        f"{units.exact(totals.batch_size + 1)}: {units.size(totals.next_process_bytes)}"
    )
    axes.annotate(
        lettering.shorten(words, room, 7.5), (1.0, 1.0), xycoords="axes fraction", xytext=(0, 3),
        textcoords="offset points", ha="right", va="bottom", fontsize=7.5,
    )  # fmt: skip
