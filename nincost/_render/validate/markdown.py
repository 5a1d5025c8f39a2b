"""Predicted against measured as Markdown: the report that is committed beside its JSON."""

from __future__ import annotations

from nincost import _units as units
from nincost._render.markdown import escape, items, table
from nincost._render.validate.text import NAMES, TIME_HEADINGS, error, statements, time_rows, title
from nincost._validate.results import COMPARED, Validation


def render(result: Validation) -> str:
    """A line for each case, in bytes, then the errors in words."""
    columns = ["case"]
    for name in COMPARED:
        columns += [f"{NAMES[name]} predicted", "measured", "error"]
    cells = []
    for row in result.rows:
        line = [escape(row.case)]
        for name in COMPARED:
            line += ["-" if size is None else units.exact(size) for size in row.pair(name)]
            line.append(error(row, name))
        cells.append(line)
    lines = [f"# {escape(title(result))}", "", "Bytes.", ""]
    lines += table(columns, cells, [False] + [True] * (len(columns) - 1))
    if timed := time_rows(result):
        cells = [[escape(row[0]), *row[1:]] for row in timed]
        lines += ["", *table([*TIME_HEADINGS], cells, [False, True, True, True])]
    lines += ["", *items(statements(result))]
    return "\n".join(lines) + "\n"
