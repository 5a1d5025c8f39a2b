"""A comparison for a terminal: the layers that differ, then the totals with their ratios."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from nincost._compare.results import Comparison, Difference
from nincost._compare.view import ComparisonView, layers, model_order, rows
from nincost._render.compare import text as words
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table
from nincost._result import Tabular

_SIGNS = {"same": "", "changed": "~", "added": "+", "removed": "-"}
_STYLES = {"same": "dim", "changed": "yellow", "added": "green", "removed": "red"}
_NAME_WIDTH = 20
_COLUMNS = (("params", "Params"), ("macs", "MACs"), ("activation_bytes", "Activation"))


def render(
    comparison: Comparison, *, view: ComparisonView | None = None, width: int | None = None,
    color: bool = False, all_rows: bool = False,
) -> str:  # fmt: skip
    """Two networks layer by layer, or more in a table of totals; or what `view` picks."""
    view = view or ComparisonView()
    parts: list[RenderableType] = [Text(words.title(comparison), style="bold"), Text()]
    if view.columns:
        parts.append(_chosen(rows(comparison, view, all_rows=all_rows), view))
    elif comparison.layers:
        pairs = layers(comparison, view, all_rows=all_rows)
        if pairs:
            parts += [_layers(pairs, width, view), Text()]
        parts += [Text(words.counts(comparison)), Text()]
        parts.append(_two_totals(comparison))
    else:
        parts.append(_totals(comparison, width, view))
    if comparison.notes:
        parts += [Text(), grid(("Note", note) for note in comparison.notes)]
    return draw(parts, width=width, color=color)


def _chosen(chosen: Tabular, view: ComparisonView) -> RenderableType:
    """The rows and columns that somebody asked for, headed as they were named."""
    table = new_table()
    for place, name in enumerate(chosen.columns):
        is_text = any(isinstance(row[place], str) for row in chosen.rows)
        table.add_column(
            name, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text
        )
    for row in chosen.rows:
        cells = zip(chosen.columns, row, strict=True)
        table.add_row(*(Text(words.cell(name, value, exact=view.exact)) for name, value in cells))
    return table


def _layers(
    pairs: Sequence[Difference], width: int | None, view: ComparisonView
) -> RenderableType:  # fmt: skip
    wide = width is None or width >= WIDE_FROM
    table = new_table()
    table.add_column("", no_wrap=True)
    table.add_column("Layer", overflow="fold")
    if wide:
        table.add_column("Type", no_wrap=True)
    table.add_column("Output", overflow="fold")
    for _, heading in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    show = words.change if wide or view.exact else words.short_change
    for row in pairs:
        cells = [Text(_SIGNS[row.status]), Text(row.layer)]
        if wide:
            cells.append(Text(row.type))
        cells.append(Text(row.output_shape))
        cells += [Text(show(name, row.change(name))) for name, _ in _COLUMNS]
        table.add_row(*cells, style=_STYLES[row.status])
    return table


def _two_totals(comparison: Comparison) -> RenderableType:
    table = new_table()
    table.add_column("Total", no_wrap=True)
    for name in comparison.names:
        table.add_column(_in_lines(name), justify="right", overflow="fold")
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


def _totals(comparison: Comparison, width: int | None, view: ComparisonView) -> RenderableType:
    """A row for each network; with each amount, its ratio to the first (below it where narrow)."""
    wide = width is None or width >= WIDE_FROM
    show = words.amount if wide or view.exact else words.short_amount
    steps = (("training_bytes", "Training"), ("examples_per_second", "Examples/s"))
    columns = [*_COLUMNS, *(one for one in steps if one[0] in comparison.amounts)]
    table = new_table()
    table.add_column("Model", overflow="fold")
    for _, heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
        if wide:
            table.add_column("", justify="right", no_wrap=True)
    for place in model_order(comparison, view):
        cells = [Text(comparison.names[place])]
        for amount, _ in columns:
            value = show(amount, comparison.total(amount)[place])
            ratio = Text(words.ratio(comparison.ratios(amount)[place]), style="dim")
            if wide:
                cells += [Text(value), ratio]
            else:
                cells.append(Text.assemble(value, "\n", ratio))
        table.add_row(*cells)
    return table


def _in_lines(name: str) -> str:
    """A long name in lines that break where its parts do."""
    lines = [""]
    for part in re.findall(r"[^:._/ -]*[:._/ -]?", name):
        if lines[-1] and len(lines[-1]) + len(part) > _NAME_WIDTH:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
