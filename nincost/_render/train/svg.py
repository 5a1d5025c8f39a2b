"""Loss and accuracy over the epochs as an SVG: two panels side by side.

Written by hand, without a library or a script. Training and test lines differ by dashes and by
their points' form, so that a print in black and white can be read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nincost._render.train.text import title
from nincost._train.results import Training

_WIDTH, _HEIGHT = 900, 380
_TOP, _BOTTOM, _GAP, _MARGIN = 60, 64, 76, 64
_PANEL = (_WIDTH - 2 * _MARGIN - _GAP + 24) / 2

#: Colour, dashes, and whether a point is a square, of the training's and the test's line.
_LINES = {"training": ("#1f5fa8", "", False), "test": ("#b8530a", "6 4", True)}


@dataclass(frozen=True, slots=True)
class _Panel:
    """A picture of two lines: where it begins, and between which values it goes."""

    name: str
    left: float
    low: float
    high: float
    step: float
    lines: Mapping[str, Sequence[float]]
    level: float | None = None  # of guessing

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)


def render(result: Training) -> str:
    """The picture; a level marks the loss of guessing."""
    rows = result.epochs
    epochs = [row.epoch for row in rows]
    classes = result.data["classes"]
    guess = math.log(classes)
    losses = {
        "training": [row.train_loss for row in rows], "test": [row.test_loss for row in rows],
    }  # fmt: skip
    accuracies = {
        "training": [row.train_accuracy for row in rows],
        "test": [row.test_accuracy for row in rows],
    }
    most = max(*losses["training"], *losses["test"], guess)
    step = _step(most)
    panels = [
        _Panel("loss", _MARGIN, 0, math.ceil(most / step) * step, step, losses, guess),
        _Panel("accuracy", _MARGIN + _PANEL + _GAP, 0, 1, 0.2, accuracies, 1 / classes),
    ]
    words = (
        f"{title(result)}: test accuracy {result.last.test_accuracy:.4f}, test loss "
        f"{result.last.test_loss:.4f}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12" '
        f'fill="#222" role="img" aria-label="{escape(words)}">',
        f"<title>{escape(words)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_MARGIN}" y="26" font-size="14" font-weight="bold">'
        f"{escape(title(result))}</text>",
        *(part for panel in panels for part in _draw(panel, epochs)),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _draw(panel: _Panel, epochs: Sequence[int]) -> list[str]:
    right = panel.left + _PANEL
    first, last = epochs[0], max(epochs[-1], epochs[0] + 1)

    def x(epoch: float) -> float:
        return panel.left + 10 + (_PANEL - 20) * (epoch - first) / (last - first)

    parts = []
    value = panel.low
    while value <= panel.high + 1e-9:
        y = panel.y(value)
        parts.append(
            f'<line x1="{panel.left}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        parts.append(
            f'<text x="{panel.left - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
        value = round(value + panel.step, 6)
    every = max(1, math.ceil((epochs[-1] - first + 1) / 10))
    for epoch in epochs[::every]:
        parts.append(
            f'<text x="{x(epoch):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
            f"{epoch}</text>"
        )
    parts.append(
        f'<text x="{(panel.left + right) / 2:.1f}" y="{_HEIGHT - _BOTTOM + 36}" '
        f'text-anchor="middle">epoch</text>'
    )
    parts.append(f'<text x="{panel.left}" y="{_TOP - 12}">{panel.name}</text>')
    if panel.level is not None:
        y = panel.y(panel.level)
        parts.append(
            f'<line x1="{panel.left}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#888" '
            f'stroke-dasharray="2 3"><title>guessing: {panel.level:.4f}</title></line>'
        )
    for name, values in panel.lines.items():
        parts += _line(name, [(x(e), panel.y(v)) for e, v in zip(epochs, values, strict=True)])
        parts += [
            _point(name, x(e), panel.y(v), f"{name} {panel.name}, epoch {e}: {v:.4f}")
            for e, v in zip(epochs, values, strict=True)
        ]
    return parts


def _line(name: str, places: Sequence[tuple[float, float]]) -> list[str]:
    color, dashes, _ = _LINES[name]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return [f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dashed}/>']


def _point(name: str, x: float, y: float, words: str) -> str:
    color, _, square = _LINES[name]
    inner = f"<title>{escape(words)}</title>"
    if square:
        return (
            f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" fill="{color}">'
            f"{inner}</rect>"
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}">{inner}</circle>'


def _legend() -> list[str]:
    parts = []
    left = float(_MARGIN)
    y = _HEIGHT - 12
    for name in _LINES:
        parts += _line(name, [(left, y - 4), (left + 34, y - 4)])
        parts.append(_point(name, left + 17, y - 4, name))
        parts.append(f'<text x="{left + 42:.1f}" y="{y}">{name}</text>')
        left += 120
    parts.append(
        f'<line x1="{left}" y1="{y - 4}" x2="{left + 34}" y2="{y - 4}" stroke="#888" '
        f'stroke-dasharray="2 3"/><text x="{left + 42:.1f}" y="{y}">guessing</text>'
    )
    return parts


def _step(most: float) -> float:
    """A round distance of lines, for four to eight of them."""
    for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0):
        if most / step <= 7:
            return step
    return 10.0 ** math.ceil(math.log10(most / 7))
