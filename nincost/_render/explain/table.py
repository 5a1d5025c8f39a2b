"""An explanation for a terminal: a paragraph for each layer, then the totals."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._explain.receptive_field import ReceptiveFields
from nincost._explain.results import Explained
from nincost._render.explain import text as words
from nincost._render.parts.terminal import draw, grid


def render(explained: Explained, *, width: int | None = None, color: bool = False) -> str:
    """The working of each layer in order; a general note stands where it is first needed."""
    parts: list[RenderableType] = [Text(words.title(explained), style="bold")]
    said: set[tuple[str, str]] = set()
    before: ReceptiveFields = ()
    for layer in explained.layers:
        parts += [Text(), Text(words.heading(layer), style="bold cyan")]
        parts.append(grid(_once(words.layer_lines(layer, explained.lang, said, before))))
        before = layer.field
    parts += [Text(), grid(words.closing(explained))]
    return draw(parts, width=width or 100, color=color)


def _once(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A heading stands before the first of its lines only."""
    found = []
    before = ""
    for name, text in lines:
        found.append(("" if name == before else name, text))
        before = name or before
    return found
