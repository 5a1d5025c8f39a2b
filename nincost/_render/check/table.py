"""A check as a table, CSV and Markdown."""

from __future__ import annotations

from rich.text import Text

from nincost._closed_form.check_results import CHECK_COLUMNS, Check, CheckRow
from nincost._render import csv, markdown, units
from nincost._render.terminal import WIDE_FROM, draw, new_table, statements

_HEADINGS = ("Params\nby hand", "\nby trace", "MACs\nby hand", "\nby trace", "\nby fvcore")


def render(check: Check, *, width: int | None = None, color: bool = False) -> str:
    """The table: by hand, by trace and by fvcore, then the totals and what explains them."""
    narrow = width is not None and width < WIDE_FROM
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
    title = f"{check.model} on {', '.join(check.input)} (batch {check.batch_size})"
    words = statements(summary(check))
    return draw([Text(title, style="bold"), Text(), table, Text(), words], width=width, color=color)


def summary(check: Check) -> list[tuple[str, str]]:
    """The verdict, FlopCounterMode's total, and the explanations, in words."""
    wrong = [row for row in check.rows if row.verdict == "differs"]
    only = check.totals.trace_only_macs
    if wrong:
        verdict = f"{len(wrong)} of {len(check.rows)} layers differ between hand and trace"
    else:
        verdict = "hand formulas and trace agree in every layer that has a hand formula"
        if only:
            share = 100 * only / check.totals.trace_macs
            verdict += f"; only the trace counts functions: {units.exact(only)} MACs ({share:.1f}%)"
    lines = [("Verdict", verdict)]
    for row in wrong:
        lines.append(("Differs", f"{row.layer}: {row.note}"))
    for name, macs in (
        ("fvcore", check.totals.fvcore_macs),
        ("FlopCounterMode", check.totals.flop_counter_macs),
    ):
        if macs is not None:
            lines.append((name, f"{units.exact(macs)} MACs, {_beside_trace(macs, check)}"))
    return lines + [("Note", note) for note in check.notes]


def _beside_trace(macs: int, check: Check) -> str:
    """How a tool's total differs from the trace's."""
    difference = macs - check.totals.trace_macs
    if not difference:
        return "the same as the trace"
    return f"{abs(difference):,} {'more' if difference > 0 else 'fewer'} than the trace"


def render_csv(check: Check) -> str:
    """The rows as CSV; an empty cell where there is no hand formula or no figure."""
    return csv.write(CHECK_COLUMNS, (_values(row) for row in check.rows))


def render_markdown(check: Check) -> str:
    """The rows as a Markdown table, then the summary."""
    rows = [
        [
            "" if v is None else units.exact(v) if isinstance(v, int) else markdown.escape(str(v))
            for v in _values(row)
        ]
        for row in check.rows
    ]
    right = [name.endswith(("params", "macs", "calls")) for name in CHECK_COLUMNS]
    lines = [f"# {markdown.escape(check.model)}: check", ""]
    lines += markdown.table(CHECK_COLUMNS, rows, right)
    lines.append("")
    lines += [f"- {name}: {markdown.escape(text)}" for name, text in summary(check)]
    return "\n".join(lines) + "\n"


def _values(row: CheckRow) -> list[object]:
    values = row.to_dict()
    return [values[name] for name in CHECK_COLUMNS]
