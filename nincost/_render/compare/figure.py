"""Networks side by side: their totals, and where two are compared the layers that differ."""

from __future__ import annotations

from collections.abc import Sequence

from nincost._compare.results import Comparison, Difference
from nincost._render.compare import text as words
from nincost._render.figures import lettering
from nincost._render.figures.panels import BarRow, Panel, bars_in, draw_panels, height_of
from nincost._render.figures.picture import Picture, new_picture
from nincost._render.figures.style import MODEL_FILLS, Width, inches, looks

_LAYER_PANELS = (
    Panel("params", "Parameters", "Parameters"),
    Panel("macs", "MACs", "MACs"),
    Panel("activation_bytes", "Activation memory", "Activations"),
)
_TRAINING = Panel("training_bytes", "Training memory", "Training")
#: How many layers a page holds, two bars each.
_MOST_ROWS = 30
_SIGNS = {"changed": "~", "added": "+", "removed": "-"}
#: Inches.
_HEADING, _HEADING_MARGIN, _HEADING_SIZE = 0.22, 0.1, 7.5
#: From here on, four panels stand beside one another.
_WIDE = 5.0


def draw(comparison: Comparison, *, width: Width = "page") -> Picture:
    """A bar for each network's totals; below, for two of them, the layers that differ.

    Where more layers differ than a page holds, those that change most have bars, and the others
    are added up in the last.
    """
    wide = inches(width)
    fills = [MODEL_FILLS[n % len(MODEL_FILLS)] for n in range(len(comparison.names))]
    panels = [*_LAYER_PANELS, *([_TRAINING] if comparison.training else [])]
    beside = len(panels) if wide >= _WIDE or len(panels) < 4 else 2
    blocks = [panels[i : i + beside] for i in range(0, len(panels), beside)]
    totals = [_total(comparison, place, panels) for place in range(len(comparison.names))]
    layers = _layers(comparison)
    block = height_of(len(totals))
    above = len(blocks) * block
    below = _HEADING + height_of(len(layers), bars_in(layers, len(fills))) if layers else 0.0
    with looks():
        picture = new_picture(words.title(comparison), wide, above + below)
        for number, some in enumerate(blocks):
            draw_panels(picture, some, totals, fills, top=number * block, fill_rows=True)
        if layers:
            heading = lettering.shorten(
                f"Layers that differ: {_counts(comparison)}", wide - 0.2, _HEADING_SIZE
            )
            picture.write(heading, _HEADING_MARGIN, above + 0.04, fontsize=_HEADING_SIZE)
            draw_panels(picture, _LAYER_PANELS, layers, fills, top=above + _HEADING)
    return picture


def _total(comparison: Comparison, place: int, panels: Sequence[Panel]) -> BarRow:
    """A network's totals, with their ratios to the first network's."""
    ratios = {panel.name: comparison.ratios(panel.name)[place] for panel in panels}
    return BarRow(
        comparison.names[place],
        {panel.name: (_whole(comparison.total(panel.name)[place]),) for panel in panels},
        {name: words.ratio(ratio) for name, ratio in ratios.items() if place and ratio},
    )


def _whole(value: int | float | None) -> int | None:
    return None if value is None else round(value)


def _layers(comparison: Comparison) -> list[BarRow]:
    """The layers that differ, in order; the least of them together where they are many."""
    changed = comparison.changed
    shown = set(range(len(changed)))
    if len(changed) > _MOST_ROWS:
        order = sorted(shown, key=lambda place: -_weight(comparison, changed[place]))
        shown = set(order[: _MOST_ROWS - 1])
    rows = [
        BarRow(
            f"{_SIGNS[row.status]} {row.layer}",
            {panel.name: row.amount(panel.name) for panel in _LAYER_PANELS},
            only={"removed": 0, "added": 1}.get(row.status),
        )
        for place, row in enumerate(changed)
        if place in shown
    ]
    rest = [row for place, row in enumerate(changed) if place not in shown]
    if rest:
        sums = {
            panel.name: [sum(row.amount(panel.name)[side] for row in rest) for side in (0, 1)]
            for panel in _LAYER_PANELS
        }
        rows.append(BarRow(f"{len(rest)} others", sums))
    return rows


def _weight(comparison: Comparison, row: Difference) -> float:
    """How much a layer's change is of the totals."""
    return sum(
        abs(row.change(panel.name)) / max(*map(int, _known(comparison, panel.name)), 1)
        for panel in _LAYER_PANELS
    )


def _known(comparison: Comparison, name: str) -> list[int]:
    return [round(value) for value in comparison.total(name) if value is not None]


def _counts(comparison: Comparison) -> str:
    """`21 the same, 0 changed (~), 0 added (+), 8 removed (-)`."""
    found = [row.status for row in comparison.layers]
    parts = [f"{found.count('same')} the same"]
    parts += [f"{found.count(status)} {status} ({sign})" for status, sign in _SIGNS.items()
              if status in found]  # fmt: skip
    return ", ".join(parts)
