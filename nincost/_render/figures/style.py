"""How pictures look: sizes, colours that keep their order in grey, hatches, and scales.

Each category has a shade and a hatch, so that a print in black and white distinguishes them; shades
rise from the bottom of a stack to its top, and differ for the colour-blind, too.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes

from nincost._render.figures import lettering
from nincost._render.figures.headless import quiet
from nincost.errors import InputError

#: `column`, `page`, or inches.
Width = str | float

#: Inches: one column of a paper set in two, and its page from margin to margin.
WIDTHS = {"column": 3.4, "page": 7.0}
_NARROWEST, _WIDEST = 2.5, 40.0

#: Fill and hatch of each category of memory, from the bottom of the stack to its top. No dots:
#: each would be a curve of its own in every SVG.
CATEGORY_FILLS: dict[str, tuple[str, str]] = {
    "parameters": ("#2f4a75", ""),
    "buffers": ("#54719c", "||||"),
    "unsharded_parameters": ("#5f7699", "////"),
    "gradients": ("#b0692a", "\\\\\\\\"),
    "optimizer_state": ("#5ab4ac", "xxxx"),
    "inputs": ("#b5b5b5", ""),
    "communication": ("#dfaecb", "////"),
    "activations": ("#c9def2", ""),
    "kv_cache": ("#cfe6d6", "\\\\"),
    "temporaries": ("#fde0b5", "////"),
    "workspace": ("#ffffff", "---"),
    "other": ("#ffffff", "++"),
}
#: Fill and hatch of networks side by side, in order.
MODEL_FILLS: tuple[tuple[str, str], ...] = (
    ("#2b4a75", ""),
    ("#fdd49a", "////"),
    ("#7cc4bd", "xxxx"),
    ("#ffffff", "---"),
    ("#9a9a9a", ""),
    ("#e8e8e8", "\\\\\\\\"),
)
DARK, LIGHT = "#2b4a75", "#c9def2"

_TICK_SIZE = 7.0
#: Inches between the words of two ticks at least.
_BETWEEN_TICKS = 0.07
_LOOKS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 7.5,
    "text.usetex": False,
    "text.parse_math": False,
    "text.hinting": "none",
    "text.hinting_factor": 1,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "axes.grid": False,
    "grid.linewidth": 0.4,
    "grid.color": "#cccccc",
    "hatch.linewidth": 0.5,
    "hatch.color": "black",
    "patch.linewidth": 0.5,
    "xtick.labelsize": _TICK_SIZE,
    "ytick.labelsize": _TICK_SIZE,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "figure.dpi": 100,
    "savefig.facecolor": "white",
    "savefig.bbox": None,
    # Text stays text: it can be searched and set in the reader's own font.
    "svg.fonttype": "none",
    # Names of patterns and clips are made from this, in place of a random number.
    "svg.hashsalt": "nincost",
    "pdf.fonttype": 42,
}


@contextmanager
def looks() -> Iterator[None]:
    """Matplotlib as it comes, with nincost's style, whatever the user has set; then as it was."""
    plain = {
        name: value
        for name, value in matplotlib.rcParamsDefault.items()
        if not name.startswith(("backend", "webagg", "keymap", "interactive", "toolbar"))
    }
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # settings that this matplotlib calls old
        with matplotlib.rc_context():
            settings: Any = matplotlib.rcParams
            settings.update(plain | _LOOKS)
            yield


def inches(width: Width) -> float:
    """A width by name or number, in inches.

    Raises:
        InputError: neither a name nor a sensible number.
    """
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    try:
        value = float(width)
    except (TypeError, ValueError):
        value = math.nan
    if not _NARROWEST <= value <= _WIDEST:
        raise InputError(
            f"a picture's width is {width!r}: expected column (3.4 inches), page (7 inches), or "
            f"inches from {_NARROWEST:g} to {_WIDEST:g}"
        )
    return value


def size_scale(most: int, steps: int = 6) -> tuple[int, int]:
    """The step between two lines, a power of two, so that at most `steps` reach `most`; the top."""
    step = 1
    while most > steps * step:
        step *= 2
    return step, max(-(-most // step), 1) * step


def size_tick(size: int, top: int) -> str:
    """`0.5 GiB` where the axis ends in GiB: no more digits than there are."""
    power, name = next(
        ((power, name)
         for power, name in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB"))
         if top >= 1 << power),
        (0, "B"),
    )  # fmt: skip
    return f"{size / (1 << power):g} {name}" if size else "0"


def count_scale(most: int, steps: int = 4) -> tuple[int, int]:
    """As `size_scale`, with steps of 1, 2 or 5 times a power of ten."""
    step = 1
    while most > steps * step:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step, max(-(-most // step), 1) * step


def count_tick(value: int, top: int) -> str:
    """`0.5 M` where the axis ends in M: no more digits than there are."""
    power, name = next(
        ((power, name)
         for power, name in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k"))
         if top >= 10**power),
        (0, ""),
    )  # fmt: skip
    return f"{value / 10**power:g} {name}".strip() if value else "0"


def set_scale(
    axes: Axes,
    which: Literal["x", "y"],
    most: int,
    steps: int,
    *,
    is_bytes: bool,
    inches: float = math.inf,
) -> int:
    """Ticks from 0 on, on a y axis to the first that reaches `most`; the last one's value.

    On an axis `inches` long, as many as stand apart; where not even two do, 0 goes without saying.
    """
    scale, tick_words = (size_scale, size_tick) if is_bytes else (count_scale, count_tick)
    for number in range(steps, 0, -1):
        step, top = scale(max(most, 1), number)
        last = top if which == "y" else max(most // step, 1) * step
        ticks = [step * n for n in range(last // step + 1)] if most else [0]
        # Fixed ticks are made now, in this style; others would be made when the figure is saved.
        words = [tick_words(tick, last) for tick in ticks]
        widest = max(lettering.text_width(one, _TICK_SIZE) for one in words)
        apart = step / max(most, 1) * inches
        if len(words) > 2 and apart < widest + _BETWEEN_TICKS:
            continue
        if len(words) == 2 and apart < widest / 2 + _BETWEEN_TICKS:
            ticks, words = ticks[1:], words[1:]
        break
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(ticks, labels=words)
    return last
