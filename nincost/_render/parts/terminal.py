"""What all tables for a terminal share: their look, and how they become text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from nincost._chinese.translate import say

#: From this width on, a table shows all that it would like to.
WIDE_FROM = 110


class _Table(Table):
    """A table whose headings and cells are said in the language that is spoken."""

    def add_column(self, header: RenderableType = "", **options: Any) -> None:  # type: ignore[override]
        super().add_column(_said(header), **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*(None if cell is None else _said(cell) for cell in cells), **options)


def _said(part: RenderableType) -> RenderableType:
    """Text in the language that is spoken, each stretch of one style by itself."""
    if isinstance(part, str):
        return say(part)
    if not isinstance(part, Text) or isinstance(part, AsTyped) or not part.plain:
        return part
    if not part.spans:
        said = say(part.plain)
        return part if said == part.plain else Text(said, style=part.style, overflow=part.overflow)
    whole = Text()
    for piece in _pieces(part):
        whole.append(say(piece.plain), piece.spans[0].style if piece.spans else piece.style)
    return whole


def _pieces(text: Text) -> Sequence[Text]:
    cuts = sorted({edge for span in text.spans for edge in (span.start, span.end)})
    return [piece for piece in text.divide(cuts) if piece.plain]


def new_table() -> Table:
    """An empty table with a line under its heading and none around it."""
    return _Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))


class AsTyped(Text):
    """Somebody's own words: said as they are, in any language."""


def grid(lines: Iterable[tuple[str, str | Text]]) -> Table:
    """Lines that each begin with a bold word, the rest wrapped beside it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        beside = Text(say(text)) if isinstance(text, str) else text
        table.add_row(Text(say(name), style="bold"), beside)
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
            console.print(_said(part), soft_wrap=getattr(part, "overflow", None) == "ignore")
    lines = capture.get().splitlines()
    return "\n".join(lines if color else [line.rstrip() for line in lines]) + "\n"
