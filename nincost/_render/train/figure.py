"""Loss and accuracy over the epochs of a training, beside each other or one below the other.

Training and test lines differ by dashes and by the form of their points, so that a print in black
and white can be read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from nincost._render.figures.picture import Picture, new_picture
from nincost._render.figures.style import CATEGORY_FILLS, DARK, Width, count_scale, inches, looks
from nincost._render.train.text import title
from nincost._train.results import Training

#: Inches.
_LEFT, _RIGHT, _TOP, _BELOW, _LEGEND = 0.42, 0.14, 0.18, 0.42, 0.24
#: From here on, the two panels stand beside each other.
_WIDE = 5.0
#: Colour, and line and points, of the training's and the test's line.
_LINES = {"training": (DARK, "o-"), "test": (CATEGORY_FILLS["gradients"][0], "s--")}
#: With more epochs than this, points would hide their line.
_MOST_POINTS = 30


def draw(result: Training, *, width: Width = "page") -> Picture:
    """Loss and accuracy by epoch; a dotted line marks those of guessing."""
    wide = inches(width)
    beside = 2 if wide >= _WIDE else 1
    room = wide / beside - _LEFT - _RIGHT
    tall = min(max(0.6 * room, 1.4), 3.5)
    block = _TOP + tall + _BELOW
    classes = result.data["classes"]
    losses = {
        "training": [row.train_loss for row in result.epochs],
        "test": [row.test_loss for row in result.epochs],
    }
    accuracies = {
        "training": [row.train_accuracy for row in result.epochs],
        "test": [row.test_accuracy for row in result.epochs],
    }
    panels = (("Loss", losses, math.log(classes), 0.0), ("Accuracy", accuracies, 1 / classes, 1.0))
    epochs = [row.epoch for row in result.epochs]
    with looks():
        picture = new_picture(title(result), wide, block * (2 // beside) + _LEGEND)
        for number, (name, values, guessing, least_top) in enumerate(panels):
            left, top = (number * wide / 2, 0.0) if beside == 2 else (0.0, number * block)
            axes = picture.place(left + _LEFT, top + _TOP, room, tall)
            axes.set_title(name, loc="left", pad=3)
            _epochs(axes, epochs, room)
            _lines(axes, epochs, values, guessing, least_top)
        handles, labels = picture.axes[0].get_legend_handles_labels()
        picture.legend(
            handles, labels, loc="lower left", ncols=3, fontsize=7, handlelength=2.6,
            bbox_to_anchor=(_LEFT / wide, 0.08 / picture.height), borderaxespad=0, borderpad=0,
        )  # fmt: skip
    return picture


def _epochs(axes: Axes, epochs: Sequence[int], room: float) -> None:
    """The axis of epochs, in whole numbers."""
    first, last = epochs[0], epochs[-1]
    step, _ = count_scale(last, max(int(room / 0.35), 2))
    ticks = [tick for tick in range(0, last + 1, step) if tick >= first] or [first]
    axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    margin = max(0.04 * (last - first), 0.1)
    axes.set_xlim(first - margin, last + margin)
    axes.set_xlabel("Epoch", labelpad=2)


def _lines(
    axes: Axes,
    epochs: Sequence[int],
    values: Mapping[str, Sequence[float]],
    guessing: float,
    least_top: float,
) -> None:
    """The training's and the test's values, and the level of guessing, from 0 to `least_top`."""
    shown = (value for line in values.values() for value in line)
    step, top = _scale(max(guessing, least_top, *shown))
    ticks = [round(step * number, 6) for number in range(round(top / step) + 1)]
    axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_ylim(0, top)
    axes.grid(axis="y")
    axes.axhline(guessing, color="black", linewidth=0.8, linestyle=":", label="guessing")
    for name, (color, style) in _LINES.items():
        points = style if len(epochs) <= _MOST_POINTS else style[1:]
        axes.plot(
            epochs, values[name], points, label=name, color=color, markersize=3.5,
            markerfacecolor="white", markeredgewidth=0.8, clip_on=False,
        )  # fmt: skip


def _scale(most: float) -> tuple[float, float]:
    """The step between two lines, 1, 2 or 5 times a power of ten, for at most 6; and the top."""
    thousandths, top = count_scale(max(math.ceil(most * 1000), 1), 6)
    return thousandths / 1000, top / 1000
