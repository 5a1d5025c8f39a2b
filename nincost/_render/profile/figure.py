"""Parameters, MACs and activation memory by layer, as bars from the first layer down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nincost._profile.results import LayerCost, Profile
from nincost._profile.view import View, flat_rows
from nincost._render.figures.panels import BarRow, Panel, draw_panels, height_of
from nincost._render.figures.picture import Picture, new_picture
from nincost._render.figures.style import LIGHT, Width, looks
from nincost._render.profile.text import title
from nincost._report.bars import bars, merge, merge_to
from nincost.errors import InputError

#: The heading of each amount, and one for a narrow panel.
_HEADINGS = {
    "params": ("Parameters", "Parameters"),
    "trainable_params": ("Trainable parameters", "Trainable"),
    "macs": ("MACs", "MACs"),
    "flops": ("FLOPs", "FLOPs"),
    "activation_elements": ("Activation values", "Values"),
    "activation_bytes": ("Activation memory", "Activations"),
    "elementwise_flops": ("Element-wise FLOPs", "Elem.-wise"),
}
_DEFAULT = ("params", "macs", "activation_bytes")
#: Rows that a page holds, legibly.
_MOST_ROWS = 40
_MOST_PANELS = 4


def draw(profile: Profile, *, view: View | None = None, width: Width = "page") -> Picture:
    """The picture; `view` picks rows and columns as it does for a table.

    Without it, or with `columns` alone, modules are opened as deep as a page has room for, and
    all rows add up to the totals. `top` rows stand over a row of the others.
    """
    view = view or View()
    names = [name for name in view.pick_columns(_DEFAULT) if name in _HEADINGS]
    if not 1 <= len(names) <= _MOST_PANELS:
        raise InputError(
            f"a picture of {len(names)} amounts: choose 1 to {_MOST_PANELS} of "
            f"{', '.join(_HEADINGS)} as columns"
        )
    rows = [
        BarRow(row.layer, {name: (getattr(row, name),) for name in names})
        for row in picture_rows(profile, view)
    ]
    with looks():
        picture = new_picture(title(profile), width, height_of(len(rows)))
        panels = [Panel(name, *_HEADINGS[name]) for name in names]
        draw_panels(picture, panels, rows, [(LIGHT, "")])
    return picture


def picture_rows(profile: Profile, view: View) -> Sequence[LayerCost]:
    """The rows to draw: at most `_MOST_ROWS`, and none of the model left out."""
    if not view.is_flat:
        if view.depth is None:
            return bars(profile, _MOST_ROWS)
        return merge_to(flat_rows(profile, view), _MOST_ROWS)
    whole = flat_rows(profile, replace(view, top=None))
    most = min(view.top or _MOST_ROWS, _MOST_ROWS - 1)
    if len(whole) <= most + 1:
        return whole
    rest = replace(merge(whole[most:]), module=f"{len(whole) - most} others")
    return [*whole[:most], rest]
