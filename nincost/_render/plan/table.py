"""A plan as a table for a terminal, with the commands of its front."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nincost._plan.plan_results import Plan
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table
from nincost._render.plan.text import HEADINGS, NUMBERS, TOP, cells, shown, statements, title


def render(result: Plan, *, top: int = TOP, width: int | None = None, color: bool = False) -> str:
    """The ways that fit, least memory first."""
    narrow = width is not None and width < WIDE_FROM
    count = len(HEADINGS) - (2 if narrow else 0)
    table = new_table()
    for heading, is_number in list(zip(HEADINGS, NUMBERS, strict=True))[:count]:
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=not narrow)
    rows = shown(result, top)
    for row in rows:
        table.add_row(*map(Text, cells(row)[:count]), style="bold" if row.on_front else "")
    parts: list[RenderableType] = [Text(title(result), style="bold"), Text(), table]
    if len(rows) < len(result.rows):
        parts.append(Text(f"{len(result.rows) - len(rows)} others", style="dim"))
    parts += [Text(), grid(statements(result)), Text()]
    for row in result.front:
        parts.append(Text(f"  {row.command}", no_wrap=True, overflow="ignore"))
    return draw(parts, width=width, color=color)
