"""The memory over a step as an SVG: stacked categories, the peak marked with its layer.

Written by hand, without a library or a script. Categories differ by shade and by hatching, so that
a print in black and white can be read, and each has a `<title>` that a browser shows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from html import escape

from nincost.footprint.lower import Alloc, Free
from nincost.footprint.player import Played
from nincost.footprint.recording.stream import CATEGORIES, Mark
from nincost.footprint.results import Memory
from nincost.render import units
from nincost.render.memory_words import CATEGORY_NAMES, title

_WIDTH, _HEIGHT = 960, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 20, 64, 96
#: Columns that the step is cut into; each shows the moment in it with most memory.
_COLUMNS = 640

#: Fill of each category from the bottom up: a grey, and the angle of its hatching (None: plain).
_FILLS: dict[str, tuple[str, int | None]] = {
    "parameters": ("#333333", None),
    "buffers": ("#333333", 45),
    "gradients": ("#777777", 90),
    "optimizer_state": ("#999999", 135),
    "inputs": ("#bbbbbb", None),
    "activations": ("#dce6f2", None),
    "temporaries": ("#f2d9b8", 45),
    "workspace": ("#ffffff", 0),
}
_PHASE_WORDS = {"zero_grad": "", "end": "", "input": "", "step": "optimizer"}


@dataclass(frozen=True, slots=True)
class _Point:
    """Bytes by category after an event, in the order of `CATEGORIES`."""

    sizes: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class _Curve:
    """A stretch of events, the peak in it, and where phases begin."""

    points: list[_Point]
    peak: int
    marks: list[tuple[int, str]]


def render(result: Memory) -> str:
    """The picture of the step that the peak is in."""
    played = result.history
    if played is None:
        raise ValueError("the result has no history: expected one that nincost.memory gave")
    return _draw(result, _curve(played))


def _curve(played: Played) -> _Curve:
    """The step of the peak, with what was there before it as its first point."""
    wanted = max(played.peak_mark.step, 1)
    now: dict[str, int] = dict.fromkeys(CATEGORIES, 0)
    alive: dict[int, tuple[str, int]] = {}
    points: list[_Point] = []
    marks: list[tuple[int, str]] = []
    peak, step = 0, 0
    for position, (event, size) in enumerate(zip(played.events, played.sizes, strict=True)):
        if type(event) is Mark:
            if event.step > wanted:
                break
            step = event.step
            # A step alone has the model's placing in the picture too: nothing came before it.
            if wanted in (step, 1):
                marks.append((len(points), event.phase))
        elif type(event) is Alloc:
            alive[event.block] = (event.category, size)
            now[event.category] += size
        elif type(event) is Free:
            category, freed = alive.pop(event.block)
            now[category] -= freed
        if wanted in (step, 1):
            if position == played.peak_at:
                peak = len(points)
            points.append(_Point(tuple(now.values()), sum(now.values())))
    return _Curve(points, peak, marks)


def _columns(curve: _Curve) -> list[tuple[float, _Point]]:
    """At most `_COLUMNS` moments, each the fullest of its part, with its place from 0 to 1."""
    points = curve.points
    count = min(_COLUMNS, len(points))
    found = []
    for column in range(count):
        first = column * len(points) // count
        last = max((column + 1) * len(points) // count, first + 1)
        best = max(range(first, last), key=lambda place: points[place].total)
        found.append((best / max(len(points) - 1, 1), points[best]))
    return found


def _draw(result: Memory, curve: _Curve) -> str:
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    columns = _columns(curve)
    most = max(point.total for _, point in columns) or 1
    step, top = _scale(most)

    def x(share: float) -> float:
        return _LEFT + share * width

    def y(size: int) -> float:
        return _TOP + height - size / top * height

    shown = [
        (number, name)
        for number, name in enumerate(CATEGORIES)
        if any(point.sizes[number] for _, point in columns)
    ]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12" '
        f'role="img" aria-label="{escape(_caption(result))}">',
        f"<title>{escape(_caption(result))}</title>",
        f"<defs>{''.join(_pattern(name) for _, name in shown)}</defs>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="15">{escape(_cut(title(result), 110))}</text>',
    ]
    for number in range(round(top / step) + 1):
        size = number * step
        lines.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(size):.1f}" y2="{y(size):.1f}" '
            f'stroke="#cccccc"/><text x="{_LEFT - 6}" y="{y(size) + 4:.1f}" '
            f'text-anchor="end">{_tick(size)}</text>'
        )
    base = [0] * len(columns)
    for number, name in shown:
        upper = [
            below + point.sizes[number] for below, (_, point) in zip(base, columns, strict=True)
        ]
        edge = _stairs([(x(s), y(size)) for (s, _), size in zip(columns, upper, strict=True)])
        floor = _stairs([(x(s), y(size)) for (s, _), size in zip(columns, base, strict=True)])
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in [*edge, *reversed(floor)])
        lines.append(
            f'<polygon points="{path}" fill="url(#nincost-{name})" stroke="black" '
            f'stroke-width="0.5"><title>{CATEGORY_NAMES[name]}</title></polygon>'
        )
        base = upper
    lines += _phases(curve, x)
    lines += _peak_mark(result, x(curve.peak / max(len(curve.points) - 1, 1)), y)
    lines += _legend([name for _, name in shown], result)
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _stairs(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Memory jumps, so a level holds until the next one begins."""
    found = points[:1]
    for (_, before), (px, py) in itertools.pairwise(points):
        found += [(px, before), (px, py)]
    return found


def _phases(curve: _Curve, x: object) -> list[str]:
    assert callable(x)
    last = max(len(curve.points) - 1, 1)
    starts = [place / last for place, _ in curve.marks]
    lines = []
    bottom = _HEIGHT - _BOTTOM
    free_from = 0.0
    for (_, phase), start, end in zip(curve.marks, starts, [*starts[1:], 1.0], strict=True):
        left, right = x(start), x(end)
        words = _PHASE_WORDS.get(phase, phase)
        lines.append(
            f'<line x1="{left:.1f}" x2="{left:.1f}" y1="{_TOP}" y2="{bottom + 6}" '
            'stroke="black" stroke-dasharray="2 3" stroke-width="0.6"/>'
        )
        # A narrow phase, such as the loss, goes without its word.
        if words and right - left > 7 * len(words) and left >= free_from:
            lines.append(f'<text x="{left + 4:.1f}" y="{bottom + 18}">{words}</text>')
            free_from = left + 7 * len(words)
    return lines


def _peak_mark(result: Memory, px: float, y: object) -> list[str]:
    assert callable(y)
    totals = result.totals
    py = y(totals.peak_allocated_bytes)
    where = " ".join(part for part in (totals.peak_layer, totals.peak_op) if part)
    words = _cut(f"peak {units.size(totals.peak_allocated_bytes)} at {where}", 90)
    anchor = "start" if px < _WIDTH / 3 else "end" if px > 2 * _WIDTH / 3 else "middle"
    return [
        f'<line x1="{px:.1f}" x2="{px:.1f}" y1="{_TOP - 16}" y2="{_HEIGHT - _BOTTOM}" '
        'stroke="black" stroke-width="1.2"/>',
        f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="white" stroke="black"/>',
        f'<text x="{px:.1f}" y="{_TOP - 22}" text-anchor="{anchor}" font-weight="bold">'
        f"{escape(words)}</text>",
    ]


def _legend(names: list[str], result: Memory) -> list[str]:
    top = _HEIGHT - _BOTTOM + 34
    lines = [f'<text x="{_LEFT}" y="{top + 10}">At the peak:</text>']
    left = float(_LEFT) + 84
    for name in names:
        words = f"{CATEGORY_NAMES[name]} {units.size(result.totals.categories_at_peak[name])}"
        space = 34 + 6.6 * len(words)
        if left + space > _WIDTH - _RIGHT:
            left, top = float(_LEFT), top + 22
        lines.append(
            f'<rect x="{left:.0f}" y="{top}" width="16" height="12" fill="url(#nincost-{name})" '
            f'stroke="black" stroke-width="0.5"/>'
            f'<text x="{left + 22:.0f}" y="{top + 10}">{words}</text>'
        )
        left += space
    return lines


def _pattern(name: str) -> str:
    fill, angle = _FILLS[name]
    turn = "" if angle is None else f' patternTransform="rotate({angle})"'
    line = "" if angle is None else '<path d="M0 0H6" stroke="black" stroke-width="1.2"/>'
    return (
        f'<pattern id="nincost-{name}" width="6" height="6" patternUnits="userSpaceOnUse"{turn}>'
        f'<rect width="6" height="6" fill="{fill}"/>{line}</pattern>'
    )


def _scale(most: int) -> tuple[int, int]:
    """The step between two lines, a power of two, so that there are three to six; and the top."""
    step = 1
    while most > 6 * step:
        step *= 2
    return step, -(-most // step) * step


def _tick(size: int) -> str:
    """`512 MiB`, `1.5 GiB`: no more digits than there are."""
    if size == 0:
        return "0"
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:g} {name}"
    return f"{size} B"


def _caption(result: Memory) -> str:
    return f"{title(result)}: peak {units.size(result.totals.peak_allocated_bytes)}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
