"""A comparison for a terminal: the layers that differ, then the totals with their ratios."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._compare.results import Comparison
from nincost._render.compare import text as words
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table

_SIGNS = {"same": "", "changed": "~", "added": "+", "removed": "-"}
_STYLES = {"same": "dim", "changed": "yellow", "added": "green", "removed": "red"}
_COLUMNS = (("params", "Params"), ("macs", "MACs"), ("activation_bytes", "Activation"))


def render(
    comparison: Comparison, *, width: int | None = None, color: bool = False, all_rows: bool = False
) -> str:
    """Two networks layer by layer, or more in a table of totals."""
    parts: list[RenderableType] = [Text(words.title(comparison), style="bold"), Text()]
    if comparison.layers:
        if comparison.changed or all_rows:
            parts += [_layers(comparison, width, all_rows), Text()]
        parts += [Text(words.counts(comparison)), Text()]
        parts.append(_two_totals(comparison))
    else:
        parts.append(_totals(comparison, width))
    if comparison.notes:
        parts += [Text(), grid(("Note", note) for note in comparison.notes)]
    return draw(parts, width=width, color=color)


def _layers(comparison: Comparison, width: int | None, all_rows: bool) -> RenderableType:
    wide = width is None or width >= WIDE_FROM
    table = new_table()
    table.add_column("", no_wrap=True)
    table.add_column("Layer", overflow="fold")
    if wide:
        table.add_column("Type", no_wrap=True)
    table.add_column("Output", overflow="fold")
    for _, heading in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in comparison.layers if all_rows else comparison.changed:
        cells = [Text(_SIGNS[row.status]), Text(row.layer)]
        if wide:
            cells.append(Text(row.type))
        cells.append(Text(row.output_shape))
        show = words.change if wide else words.short_change
        cells += [Text(show(name, row.change(name))) for name, _ in _COLUMNS]
        table.add_row(*cells, style=_STYLES[row.status])
    return table


def _two_totals(comparison: Comparison) -> RenderableType:
    table = new_table()
    table.add_column("Total", no_wrap=True)
    for name in comparison.names:
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("Change", justify="right", no_wrap=True)
    table.add_column("Ratio", justify="right", no_wrap=True)
    for name, heading in words.totals(comparison):
        left, right = comparison.total(name)
        change = None if left is None or right is None else right - left
        table.add_row(
            heading, words.amount(name, left), words.amount(name, right),
            words.change(name, change), words.ratio(comparison.ratios(name)[1]),
        )  # fmt: skip
    return table


def _totals(comparison: Comparison, width: int | None) -> RenderableType:
    """A row for each network; with each amount, its ratio to the first (below it where narrow)."""
    wide = width is None or width >= WIDE_FROM
    columns = [*_COLUMNS, *([("training_bytes", "Training")] if comparison.training else [])]
    table = new_table()
    table.add_column("Model", overflow="fold")
    for _, heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
        if wide:
            table.add_column("", justify="right", no_wrap=True)
    for place, name in enumerate(comparison.names):
        cells = [Text(name)]
        for amount, _ in columns:
            value = comparison.total(amount)[place]
            ratio = Text(words.ratio(comparison.ratios(amount)[place]), style="dim")
            if wide:
                cells += [Text(words.amount(amount, value)), ratio]
            else:
                cells.append(Text.assemble(words.short_amount(amount, value), "\n", ratio))
        table.add_row(*cells)
    return table
