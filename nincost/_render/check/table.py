"""A check as a table for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost import _units as units
from nincost._closed_form.check_results import Check
from nincost._render.check.text import statements, title
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table

_HEADINGS = ("Params\nby hand", "\nby trace", "MACs\nby hand", "\nby trace", "\nby fvcore")


def render(check: Check, *, width: int | None = None, color: bool = False) -> str:
    """The table: by hand, by trace and by fvcore, then the totals and what explains them."""
    narrow = width is not None and width < max(WIDE_FROM, _whole_width(check))
    table = new_table()
    table.add_column("Layer", overflow="fold")
    if not narrow:
        table.add_column("Type", no_wrap=True)
        table.add_column("Output", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    show = units.count if narrow else units.exact
    for row in check.rows:
        cells = [Text(row.layer)]
        if not narrow:
            cells += [Text(row.type), Text(str(row.output_shape))]
        counts = (
            row.hand_params, row.trace_params, row.hand_macs, row.trace_macs, row.fvcore_macs,
        )  # fmt: skip
        cells += [Text("-" if n is None else show(n)) for n in counts]
        style = {"differs": "bold red", "trace only": "dim"}.get(row.verdict, "")
        cells.append(Text(row.verdict, style=style))
        table.add_row(*cells)
    totals = check.totals
    table.add_section()
    sums = (
        totals.hand_params, totals.trace_params, totals.hand_macs, totals.trace_macs,
        totals.fvcore_macs,
    )  # fmt: skip
    blank = [] if narrow else [Text(), Text()]
    table.add_row(
        Text("total"), *blank, *[Text("-" if n is None else show(n)) for n in sums], Text(),
        style="bold",
    )  # fmt: skip
    bold = Text(title(check), style="bold")
    parts: list[RenderableType] = [bold, Text(), table, Text(), grid(statements(check))]
    return draw(parts, width=width, color=color)


def _whole_width(check: Check) -> int:
    """How wide the table is with types, shapes and whole numbers, no name folded."""
    names = max((len(row.layer) for row in check.rows), default=0)
    types = max((len(row.type) for row in check.rows), default=0)
    shapes = max((len(str(row.output_shape)) for row in check.rows), default=0)
    totals = check.totals
    counts = (
        totals.hand_params, totals.trace_params, totals.hand_macs, totals.trace_macs,
        totals.fvcore_macs,
    )  # fmt: skip
    widths = [max(len(units.exact(n or 0)), len("by fvcore")) for n in counts]
    verdicts = max((len(row.verdict) for row in check.rows), default=0)
    return names + types + shapes + sum(widths) + verdicts + 2 * (len(widths) + 3)
