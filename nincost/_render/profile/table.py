"""A profile as a table for a terminal: the tree of modules, then the totals in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from nincost import _units as units
from nincost._profile.results import LayerCost, Profile
from nincost._profile.view import View, flat_rows, total_row, tree_rows
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table
from nincost._render.profile.text import SHORT_COLUMNS, TEXT_COLUMNS, notes, summary, title

_WIDE = (
    "layer", "type", "calls", "input_shape", "output_shape", "params", "macs", "flops",
    "activation_bytes",
)  # fmt: skip
_TYPE_LEAST = 6
_SHAPES_SHOWN = 3

_HEADINGS = {
    "layer": "Layer", "type": "Type", "depth": "Depth", "calls": "Calls", "input_shape": "Input",
    "output_shape": "Output", "params": "Params", "trainable_params": "Trainable", "macs": "MACs",
    "flops": "FLOPs", "activation_elements": "Activations", "activation_bytes": "Activation",
    "elementwise_flops": "Element-wise",
}  # fmt: skip


def render(
    profile: Profile, *, view: View | None = None, width: int | None = None, color: bool = False
) -> str:
    """The table as text for a terminal `width` columns wide (as wide as it likes where None)."""
    view = view or View()
    narrow = width is not None and width < WIDE_FROM
    columns = view.pick_columns(SHORT_COLUMNS if narrow else _wide(profile))
    rows: list[tuple[list[Text], str]] = []
    if view.is_flat:
        for cost in flat_rows(profile, view):
            rows.append((_cells(cost, columns, view, Text(cost.layer)), ""))
    else:
        for drawn in tree_rows(profile, view):
            label = Text.assemble((drawn.branch, "dim"), drawn.label)
            rows.append((_cells(drawn.cost, columns, view, label), "bold" * drawn.is_group))
    total = _cells(total_row(profile), columns, view, Text("total"))
    if narrow and "type" in columns:  # the title has the model's name, and a cell might cut it
        place = columns.index("type")
        widest = max((cells[place].cell_len for cells, _ in rows), default=0)
        if total[place].cell_len > widest:
            total[place] = Text()
    rows.append((total, "bold"))

    table = new_table()
    for index, name in enumerate(columns):
        is_text = name in TEXT_COLUMNS
        wanted = max(len(_HEADINGS[name]), *(cells[index].cell_len for cells, _ in rows))
        table.add_column(
            _HEADINGS[name],
            justify="left" if is_text else "right",
            overflow="ellipsis" if name in ("layer", "type") else "fold",
            no_wrap=name not in ("input_shape", "output_shape"),
            # A type may be cut so that the layer's name need not be.
            min_width=_TYPE_LEAST if name == "type" else wanted if not is_text else None,
        )
        if name == "type" and narrow:
            spare = (width or 0) - _width_without(columns, rows, index)
            table.columns[-1].max_width = max(_TYPE_LEAST, min(wanted, spare))
    for cells, style in rows[:-1]:
        table.add_row(*cells, style=style)
    table.add_section()
    table.add_row(*rows[-1][0], style=rows[-1][1])

    words = [*summary(profile), *(("Note", text) for text in notes(profile))]
    heading = Text(title(profile), style="bold")
    return draw([heading, Text(), table, Text(), grid(words)], width=width, color=color)


def _width_without(
    columns: Sequence[str], rows: Sequence[tuple[list[Text], str]], skipped: int
) -> int:
    """How wide the table is, gaps included, without the cells of one column."""
    total = 2 * (len(columns) - 1)
    for index, name in enumerate(columns):
        if index != skipped:
            total += max(len(_HEADINGS[name]), *(cells[index].cell_len for cells, _ in rows))
    return total


def _wide(profile: Profile) -> tuple[str, ...]:
    """The columns of a wide table; calls only where something ran more or less than once."""
    plain = all(row.calls == 1 for row in profile.layers)
    return tuple(name for name in _WIDE if name != "calls" or not plain)


def _few(shapes: list[str]) -> str:
    """The first shapes; the CSV has them all."""
    rest = len(shapes) - _SHAPES_SHOWN
    return " ".join(shapes[:_SHAPES_SHOWN]) + (f" +{rest}" if rest > 0 else "")


def _cells(cost: LayerCost, columns: Sequence[str], view: View, label: Text) -> list[Text]:
    values = cost.to_dict()
    cells = []
    for name in columns:
        value = values[name]
        if name == "layer":
            cells.append(label)
        elif name in ("input_shape", "output_shape"):
            cells.append(Text(_few(str(value).split(";"))))
        elif isinstance(value, str):
            cells.append(Text(value))
        elif name in ("depth", "calls") or view.exact:
            cells.append(Text(units.exact(value)))
        else:
            cells.append(Text(units.size(value) if name.endswith("bytes") else units.count(value)))
    return cells
