"""The built-in variants as a table for a terminal."""

from __future__ import annotations

from rich.text import Text

from nincost import _units as units
from nincost._profile.variants import Variants
from nincost._render.parts.terminal import draw, new_table


def render(result: Variants, *, width: int | None = None, color: bool = False) -> str:
    """What each costs, and where it comes from."""
    table = new_table()
    table.add_column("Variant", no_wrap=True)
    table.add_column("Input", no_wrap=True)
    table.add_column("Params", justify="right", no_wrap=True)
    table.add_column("MACs", justify="right", no_wrap=True)
    table.add_column("Source", overflow="fold")
    for row in result:
        figures = (units.exact(row.params), units.exact(row.macs))
        table.add_row(Text(row.variant, style="bold"), row.input, *figures, Text(row.source))
    return draw([table], width=width, color=color)
