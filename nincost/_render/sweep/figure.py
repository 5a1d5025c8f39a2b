"""A sweep as a chart: each command's main figure by model, the models in its order."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from nincost import _units as units
from nincost._plan.sweep_results import Sweep, SweepRow, setting_text
from nincost._render.figures.picture import Picture, new_picture
from nincost._render.figures.style import MODEL_FILLS, Width, inches, looks
from nincost._render.sweep.text import title
from nincost.errors import OutputError

#: The figure of each command that is drawn, and what its axis says.
_DRAWN = {
    "profile": ("macs", "MACs"), "memory": ("process_bytes", "Process"),
    "fit": ("largest_batch_size", "Largest batch"), "time": ("examples_per_second", "Examples/s"),
}  # fmt: skip
#: Inches.
_LEFT, _RIGHT, _TOP, _PANEL, _BELOW, _NAMES, _LEGEND_LINE = 0.66, 0.14, 0.12, 1.7, 0.34, 1.3, 0.16
_LEGEND_COLUMN = 1.9
_MARKERS = "os^Dv<>ph*"
_SIZE = 6.5
#: Models that are named on the axis; of more their number is.
_MOST_NAMES = 40


def draw(result: Sweep, *, width: Width = "page") -> Picture:
    """A panel for each command, on a logarithmic scale; a marker for each card and settings."""
    commands = [c for c in _DRAWN if any(r.command == c and not r.failed for r in result.rows)]
    if not commands:
        raise OutputError("no cell of the sweep has a figure to draw: see the column reason")
    wide = inches(width)
    room = wide - _LEFT - _RIGHT
    models = list(dict.fromkeys(row.model for row in result.rows if not row.failed))
    named = len(models) <= _MOST_NAMES
    below = _NAMES if named else _BELOW
    panels = {command: _series(result, command) for command in commands}
    columns = max(int(wide / _LEGEND_COLUMN), 1)
    legends = {c: -(-len(found) // columns) * _LEGEND_LINE for c, found in panels.items()}
    height = sum(_TOP + _PANEL + below + legend for legend in legends.values())
    with looks():
        picture = new_picture(title(result), wide, height)
        top = _TOP
        for command in commands:
            axes = picture.place(_LEFT, top, room, _PANEL)
            _panel(axes, command, panels[command], named)
            down = (_PANEL + below - 0.04) / _PANEL
            axes.legend(
                loc="upper left", bbox_to_anchor=(-_LEFT / room, 1 - down), ncols=columns,
                fontsize=_SIZE, borderaxespad=0, borderpad=0.2, labelspacing=0.3,
                handletextpad=0.2, columnspacing=1.0,
            )  # fmt: skip
            top += _PANEL + below + legends[command] + _TOP
    return picture


def _series(result: Sweep, command: str) -> dict[str, dict[str, float]]:
    """The figure by model, for each card and settings that differ."""
    rows = [row for row in result.rows if row.command == command and not row.failed]
    varied = [
        name
        for name in result.options
        if len({str(row.settings.get(name)) for row in rows}) > 1 and not _is_the_models(name, rows)
    ]
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        words = [row.gpu] if row.gpu else []
        words += [f"{n} {setting_text(row.settings[n])}" for n in varied if n in row.settings]
        value = row.figures[_DRAWN[command][0]]
        if value and math.isfinite(value):
            found.setdefault(", ".join(words) or command, {})[row.model] = value
    return found


def _is_the_models(name: str, rows: list[SweepRow]) -> bool:
    """Whether an option has one value for each model: it is the model's own, such as its input."""
    values: dict[str, set[str]] = {}
    for row in rows:
        values.setdefault(row.model, set()).add(str(row.settings.get(name)))
    return all(len(each) == 1 for each in values.values()) and len(values) > 1


def _panel(axes: Axes, command: str, series: dict[str, dict[str, float]], named: bool) -> None:
    figure, words = _DRAWN[command]
    first = next(iter(series.values()), {})
    others = {model for values in series.values() for model in values} - set(first)
    models = [*sorted(first, key=lambda model: first[model]), *sorted(others)]
    place = {model: number for number, model in enumerate(models)}
    for number, (name, values) in enumerate(series.items()):
        fill = MODEL_FILLS[number % len(MODEL_FILLS)][0]
        axes.scatter(
            [place[model] for model in values], list(values.values()), s=14 if named else 6,
            marker=_MARKERS[number % len(_MARKERS)], linewidths=0.5, edgecolors="black",
            color=fill, label=name, zorder=3,
        )  # fmt: skip
    axes.set_yscale("log", base=2 if figure.endswith("_bytes") else 10)
    low, high = axes.get_ylim()
    base = 2.0 if figure.endswith("_bytes") else 10.0
    first_power, last_power = math.ceil(math.log(low, base)), math.floor(math.log(high, base))
    step = max((last_power - first_power) // 6, 1)
    ticks = [base**power for power in range(first_power, last_power + 1, step)]
    axes.set_yticks(ticks, labels=[_tick(figure, tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel(words, labelpad=2)
    axes.grid(axis="y")
    if named:
        axes.set_xticks(range(len(models)), labels=models, rotation=90, fontsize=5.5)
    else:
        axes.set_xlabel(f"{len(models)} models, in the order of {next(iter(series), '')}")
    axes.set_xlim(-0.7, len(models) - 0.3)


def _tick(figure: str, value: float) -> str:
    if figure.endswith("_bytes"):
        return units.size(round(value))
    return units.count(round(value)) if value >= 1 else f"{value:g}"
