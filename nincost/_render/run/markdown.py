"""A run on the emulated GPU as Markdown."""

from __future__ import annotations

from nincost import _units as units
from nincost._emulator.results import Run
from nincost._render.markdown import escape, items, table
from nincost._render.parts.run_time import (
    OPERATOR_HEADINGS,
    PHASE_HEADINGS,
    operator_rows,
    phase_rows,
)
from nincost._render.run.text import (
    TOP,
    Row,
    layer_rows,
    line_rows,
    peak_rows,
    shown,
    statements,
    title,
    verdict,
)


def render(result: Run, *, top: int = TOP) -> str:
    """The same as the terminal's tables, with whole numbers."""
    lines = [f"# {escape(title(result))}", "", f"**{escape(verdict(result))}**", ""]
    rows = [[name, units.exact(size)] for name, size in peak_rows(result)]
    lines += [*table(["at the peak", "bytes"], rows, [False, True]), ""]
    lines += _table("line at the peak", shown(line_rows(result), top))
    lines += _table("layer at the peak", shown(layer_rows(result), top))
    if result.time is not None:
        for headings, rows in (
            (PHASE_HEADINGS, phase_rows(result.time)),
            (OPERATOR_HEADINGS, operator_rows(result.time, top)),
        ):
            right = [0 < place < len(headings) - 1 or place == 2 for place in range(len(headings))]
            lines += [*table(headings, [[escape(cell) for cell in row] for row in rows], right), ""]
    lines += [*items(statements(result))]
    return "\n".join(lines) + "\n"


def _table(heading: str, rows: list[Row]) -> list[str]:
    cells = [[escape(row.name), units.exact(row.bytes)] for row in rows]
    return [*table([heading, "bytes"], cells, [False, True]), ""]
