"""A verification as a table for a terminal."""

from __future__ import annotations

from rich.text import Text

from nincost import _units as units
from nincost._emulator.verification.results import Verification
from nincost._render.parts.terminal import draw, grid, new_table
from nincost._render.verify.text import rows, statements, title, verdict


def render(result: Verification, *, width: int | None = None, color: bool = False) -> str:
    """Both peaks of both, the verdict, and where they part."""
    table = new_table()
    for heading in ("", "Predicted", "Emulated", "Difference"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, mine, real, between in rows(result):
        cells = (name, units.size(mine), units.size(real), between)
        table.add_row(*map(Text, cells))
    style = "bold green" if result.totals.agrees else "bold red"
    return draw(
        [
            Text(title(result), style="bold"), Text(verdict(result), style=style), Text(), table,
            Text(), grid(statements(result)),
        ],
        width=width, color=color,
    )  # fmt: skip
