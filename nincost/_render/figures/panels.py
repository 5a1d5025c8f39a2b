"""Panels of horizontal bars beside one another, a row for each layer, names on the left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes

from nincost import _units as units
from nincost._render.figures import lettering
from nincost._render.figures.picture import Picture
from nincost._render.figures.style import set_scale

#: Inches.
_TOP, _BOTTOM, _ROW, _BAR = 0.16, 0.28, 0.135, 0.095
_MARGIN, _GAP = 0.1, 0.14
_LABEL_SIZE, _VALUE_SIZE = 6.5, 6.0
#: In a panel narrower than this, figures are smaller and have three digits.
_NARROW, _NARROW_SIZE = 1.1, 5.5
#: The most of the picture's width that names take, and their smallest letters.
_NAMES_SHARE, _LEAST_LABEL_SIZE = 0.36, 5.0
_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """An amount to draw, its heading in full and for a narrow panel."""

    name: str
    heading: str
    short_heading: str

    @property
    def is_bytes(self) -> bool:
        return self.name.endswith("bytes")

    def figure(self, value: int, *, short: bool) -> str:
        """What stands behind a bar: four digits as in tables, or three."""
        text = units.size(value) if self.is_bytes else units.count(value)
        number, _, unit = text.partition(" ")
        if short and "." in number and len(number) > 4:
            number = f"{float(number):#.3g}".rstrip(".")
        return f"{number} {unit}" if unit else number


@dataclass(frozen=True, slots=True)
class BarRow:
    """A name, and for each panel the amount in each series; None where it is not known.

    `remarks` stand behind a panel's figures where there is room. Where a row is in one series
    `only`, its bar stands in the middle.
    """

    name: str
    amounts: Mapping[str, Sequence[int | None]]
    remarks: Mapping[str, str] = field(default_factory=dict)
    only: int | None = None


Fill = tuple[str, str]


def bars_in(rows: Sequence[BarRow], series: int) -> int:
    """How many bars a row has at most."""
    return 1 if rows and all(row.only is not None for row in rows) else series


def height_of(rows: int, series: int = 1) -> float:
    """Inches that panels of so many rows take."""
    return _TOP + _BOTTOM + max(rows, 1) * _row_height(series)


def _row_height(series: int) -> float:
    return _ROW if series == 1 else series * _BAR + 0.06


def draw_panels(
    picture: Picture,
    panels: Sequence[Panel],
    rows: Sequence[BarRow],
    fills: Sequence[Fill],
    *,
    top: float = 0.0,
    fill_rows: bool = False,
) -> None:
    """Draw the panels `top` inches below the picture's title, over its whole width.

    `fills` are the series', or with `fill_rows` (and one series) the rows'.
    """
    series = 1 if fill_rows else bars_in(rows, len(fills))
    widest = max((lettering.text_width(lettering.visible(r.name), _LABEL_SIZE) for r in rows),
                 default=0.0)  # fmt: skip
    names = min(widest, _NAMES_SHARE * picture.width)
    # Smaller letters rather than names that are cut.
    size = max(min(_LABEL_SIZE, _LABEL_SIZE * names / (widest or 1)), _LEAST_LABEL_SIZE)
    left = _MARGIN + names + 0.06
    room = picture.width - left - _MARGIN
    width = (room - _GAP * (len(panels) - 1)) / len(panels)
    height = max(len(rows), 1) * _row_height(series)
    for number, panel in enumerate(panels):
        axes = picture.place(left + number * (width + _GAP), top + _TOP, width, height)
        axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
        _draw_bars(axes, panel, rows, [fills] if fill_rows else [[fill] for fill in fills], width)
        axes.set_yticks([])
        for place, row in enumerate(rows if number == 0 else ()):
            # No tick labels: an axis would write these anew, in fonts of its own choice.
            axes.annotate(
                lettering.shorten(row.name, names, size, keep="start" if fill_rows else "end"),
                (0, place), xytext=(-4, 0), textcoords="offset points", ha="right",
                va="center_baseline", fontsize=size, annotation_clip=False,
            )  # fmt: skip


def _draw_bars(
    axes: Axes, panel: Panel, rows: Sequence[BarRow], fills: Sequence[Sequence[Fill]], width: float
) -> None:
    """A bar for each row and series; a series has a fill for all of its bars, or one for each."""
    short = width < _NARROW
    size = _NARROW_SIZE if short else _VALUE_SIZE
    heading, heading_size = (panel.short_heading, 6.5) if short else (panel.heading, 7.5)
    axes.set_title(
        lettering.shorten(heading, width, heading_size), loc="left", pad=3, fontsize=heading_size
    )
    figures = [_figures(panel, row, short=short) for row in rows]
    longest = max(
        (lettering.text_width(words, size) for row in figures for words in row), default=0
    )
    # Figures stand behind their bars, so the longest bar ends where there is room for its own.
    share = max(1 - (longest + 0.06) / width, 0.3)
    most = max((value or 0 for row in rows for value in row.amounts[panel.name]), default=0)
    limit = most / share  # ticks may stand where the figures do
    set_scale(axes, "x", int(limit), _MOST_TICKS, is_bytes=panel.is_bytes, inches=width)
    axes.set_xlim(0, limit or 1)
    thick = 0.72 if bars_in(rows, len(fills)) == 1 else _BAR / _row_height(len(fills))
    for series, of_bars in enumerate(fills):
        shift = (series - (len(fills) - 1) / 2) * thick
        places = [n + (shift if row.only is None else 0.0) for n, row in enumerate(rows)]
        values = [row.amounts[panel.name][series] or 0 for row in rows]
        colors, hatches = zip(*of_bars, strict=True)
        drawn = axes.barh(
            places, values, thick, color=colors, hatch=hatches, edgecolor="black", linewidth=0.4
        )
        for bar, place, value, words in zip(drawn, places, values, figures, strict=True):
            bar.set_visible(value > 0)  # one of no length would thicken the axis
            if words[series]:
                axes.annotate(
                    words[series], (value, place), xytext=(2, 0), textcoords="offset points",
                    va="center_baseline", fontsize=size,
                )  # fmt: skip


def _figures(panel: Panel, row: BarRow, *, short: bool) -> list[str]:
    """What stands behind a row's bars; nothing behind one of no length."""
    remark = "" if short else row.remarks.get(panel.name, "")
    return [
        "not known" if value is None
        else f"{panel.figure(value, short=short)}{f' ({remark})' if remark else ''}" if value
        else ""
        for value in row.amounts[panel.name]
    ]  # fmt: skip
