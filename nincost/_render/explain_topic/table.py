"""An answer for a terminal: the question, the figures, the sentences."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._explain.topics.results import ExplainedTopic
from nincost._render.explain_topic import text as words
from nincost._render.parts.terminal import AsTyped, draw, grid, new_table


def render(found: ExplainedTopic, *, width: int | None = None, color: bool = False) -> str:
    """Figures in columns, one for each case."""
    table = new_table()
    for place, name in enumerate(words.headings(found)):
        table.add_column(name, justify="right" if place else "left")
    for row in words.rows(found):
        table.add_row(*(AsTyped(cell) for cell in row))
    parts: list[RenderableType] = [Text(words.title(found), style="bold")]
    if words.about(found):
        parts.append(Text(words.about(found)))
    parts += [Text(), table, Text(), grid(words.statements(found))]
    return draw(parts, width=width or 100, color=color)
