"""Predicted against measured as table, CSV and Markdown."""

from __future__ import annotations

from rich.text import Text

from nincost._measure.validate import COMPARED, Row, Validation
from nincost._render import csv, markdown, units
from nincost._render.terminal import WIDE_FROM, draw, new_table, statements

_WORDS = {
    "peak_allocated_bytes": "allocated",
    "peak_reserved_bytes": "reserved",
    "process_bytes": "process",
}
_CSV = (
    "case",
    *(f"{side}_{name}" for name in COMPARED for side in ("predicted", "measured")),
    "failure",
)


def summary(result: Validation) -> list[tuple[str, str]]:
    """Median and worst error of each total, what failed, and what was measured with."""
    lines = []
    for name in COMPARED:
        median, worst = result.median_error(name), result.worst_error(name)
        if median is not None and worst is not None:
            lines.append(
                (
                    _WORDS[name].capitalize(),
                    f"median error {_percent(median)}, worst {_percent(worst)}",
                )
            )
    verdicts = [row.exact_parts() for row in result.rows]
    told = [verdict for verdict in verdicts if verdict is not None]
    if told:
        lines.append(
            (
                "To the byte",
                f"parameters, buffers, gradients, optimizer state and inputs at the peak agree in "
                f"{sum(told)} of {len(told)} cases",
            )
        )
    for row in result.rows:
        if row.measured and row.measured.out_of_memory:
            lines.append(("No memory", f"{row.case}: {row.measured.out_of_memory}"))
        elif row.failure:
            lines.append(("Failed", f"{row.case}: {row.failure}"))
    versions = ", ".join(f"{name} {value}" for name, value in result.versions.items())
    lines.append(("Measured on", f"{result.gpu} with {versions or 'unknown versions'}"))
    if result.recorded:
        lines.append(("Recorded", f"the measurements are those of {result.recorded}"))
    return lines


def render(result: Validation, *, width: int | None = None, color: bool = False) -> str:
    """A line for each case, then the errors in words."""
    narrow = width is not None and width < WIDE_FROM
    shown = COMPARED[:2] if narrow else COMPARED
    table = new_table()
    table.add_column("Case", overflow="fold")
    for name in shown:
        table.add_column(f"{_WORDS[name].capitalize()}\npredicted", justify="right", no_wrap=True)
        table.add_column("\nmeasured", justify="right", no_wrap=True)
        table.add_column("\nerror", justify="right", no_wrap=True)
    for row in result.rows:
        cells = [row.case]
        for name in shown:
            cells += [_size(value) for value in _pair(row, name)]
            error = row.error(name)
            cells.append("-" if error is None else f"{100 * error:+.2f}%")
        table.add_row(*map(Text, cells))
    heading = Text(f"Predicted and measured on {result.gpu}", style="bold")
    return draw(
        [heading, Text(), table, Text(), statements(summary(result))], width=width, color=color
    )


def render_csv(result: Validation) -> str:
    """A row for each case, in bytes."""
    rows = []
    for row in result.rows:
        pairs = [value for name in COMPARED for value in _pair(row, name)]
        rows.append([row.case, *pairs, row.failure])
    return csv.write(_CSV, rows)


def render_markdown(result: Validation) -> str:
    """The report that is committed beside its JSON."""
    columns = ["case"]
    for name in COMPARED:
        columns += [f"{_WORDS[name]} predicted", "measured", "error"]
    cells = []
    for row in result.rows:
        line = [markdown.escape(row.case)]
        for name in COMPARED:
            line += ["-" if v is None else units.exact(v) for v in _pair(row, name)]
            error = row.error(name)
            line.append("-" if error is None else f"{100 * error:+.2f}%")
        cells.append(line)
    lines = [f"# Predicted and measured on {markdown.escape(result.gpu)}", "", "Bytes.", ""]
    lines += markdown.table(columns, cells, [False] + [True] * (len(columns) - 1))
    lines.append("")
    lines += [f"- {name}: {markdown.escape(text)}" for name, text in summary(result)]
    return "\n".join(lines) + "\n"


def _pair(row: Row, name: str) -> tuple[int | None, int | None]:
    predicted = getattr(row.predicted.totals, name) if row.predicted else None
    return predicted, getattr(row.measured, name) if row.measured else None


def _size(value: int | None) -> str:
    return "-" if value is None else units.size(value)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
