"""What all tables for a terminal share: their look, and how they become text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

#: From this width on, a table shows all that it would like to.
WIDE_FROM = 110


def new_table() -> Table:
    """An empty table with a line under its heading and none around it."""
    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))


def grid(lines: Iterable[tuple[str, str]]) -> Table:
    """Lines that each begin with a bold word, the rest wrapped beside it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(Text(name, style="bold"), Text(text))
    return table


def draw(parts: Sequence[RenderableType], *, width: int | None, color: bool) -> str:
    """Rich's renderables as text, without trailing spaces where there is no colour."""
    console = Console(
        file=io.StringIO(),
        width=width or 1000,
        force_terminal=color,
        force_jupyter=False,  # text, also in a notebook, where rich would show it by itself
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for part in parts:
            # A command to paste is on one line, whatever the width.
            console.print(part, soft_wrap=getattr(part, "overflow", None) == "ignore")
    lines = capture.get().splitlines()
    return "\n".join(lines if color else [line.rstrip() for line in lines]) + "\n"
