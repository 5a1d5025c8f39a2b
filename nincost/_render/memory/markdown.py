"""A prediction of memory as Markdown."""

from __future__ import annotations

from nincost import _units as units
from nincost._memory.results import Memory
from nincost._render.markdown import escape, items, table
from nincost._render.memory.text import TOP, largest, peak_rows, statements, title, verdict
from nincost._render.parts import remedies


def render(result: Memory, *, top: int = TOP) -> str:
    """The same as the terminal's table, with whole numbers."""
    measured = result.totals.measured
    columns = ["at the peak", "predicted"] + (["measured"] if measured else [])
    rows = [
        [name, units.exact(size)]
        + ([("-" if real is None else units.exact(real))] if measured else [])
        for name, size, real in peak_rows(result)
    ]
    lines = [f"# {escape(title(result))}", ""]
    if says := verdict(result):
        lines += [f"**{escape(says)}**", ""]
    if result.remedies is not None:
        cells = [[escape(cell) for cell in row] for row in remedies.rows(result.remedies)]
        lines += table(list(remedies.HEADINGS), cells, [False, False, True, False, False])
        lines += ["", escape(remedies.advice(result.remedies)), ""]
        if command := remedies.command(result.remedies):
            lines += ["```sh", command, "```", ""]
    lines += table(columns, rows, [False] + [True] * (len(columns) - 1))
    lines.append("")
    shown, rest = largest(result, top)
    cells = [[escape(layer.layer), units.exact(layer.bytes)] for layer in shown]
    if rest:
        total = sum(layer.bytes for layer in rest)
        cells.append([f"{len(rest)} others", units.exact(total)])
    lines += table(["layer at the peak", "bytes"], cells, [False, True])
    lines += ["", *items(statements(result))]
    return "\n".join(lines) + "\n"
