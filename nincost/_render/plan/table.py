"""A plan as a table for a terminal, with the commands of its front."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nincost._plan.plan_results import Plan, PlanRow
from nincost._render.parts.terminal import draw, grid, new_table
from nincost._render.plan.text import HEADINGS, NUMBERS, TOP, WAY, cells, shown, statements, title

#: What a table does without where it is too wide, and between its columns.
_SPARE = ("Allocated", "Reserved")
_GAP = 2


def render(result: Plan, *, top: int = TOP, width: int | None = None, color: bool = False) -> str:
    """The ways that fit, the fastest or those of least memory first."""
    rows = shown(result, top)
    same = _same(rows)
    table = _table(rows, same, width)
    parts: list[RenderableType] = [Text(title(result), style="bold"), Text(), table]
    if len(rows) < len(result.rows):
        parts.append(Text(f"{len(result.rows) - len(rows)} others", style="dim"))
    parts += [Text(), grid([*_in_all(same), *statements(result)]), Text()]
    for row in result.front:
        parts.append(Text(f"  {row.command}", no_wrap=True, overflow="ignore"))
    return draw(parts, width=width, color=color)


def _table(rows: Sequence[PlanRow], same: Collection[str], width: int | None) -> Table:
    """What differs between the ways in a column each; in one where there is no room for that.

    Args:
        same: headings of columns that are left out.
    """
    columns = {
        heading: [cells(row)[place] for row in rows]
        for place, heading in enumerate(HEADINGS)
        if heading not in same
    }
    for spare in _SPARE:
        if width is not None and _natural_width(columns) > width:
            columns.pop(spare)
    if width is not None and _natural_width(columns) > width:
        named = [columns.pop(heading) for heading in WAY if heading in columns]
        ways = [", ".join(filter(None, texts)) for texts in zip(*named, strict=True)]
        columns = {"": columns.pop(""), "Way": ways, **columns}
    table = new_table()
    numbers = dict(zip(HEADINGS, NUMBERS, strict=True))
    for heading in columns:
        is_number = numbers.get(heading, False)
        table.add_column(
            heading, justify="right" if is_number else "left", no_wrap=heading != "Way"
        )
    for row, texts in zip(rows, zip(*columns.values(), strict=True), strict=True):
        table.add_row(*map(Text, texts), style="bold" if row.on_front else "")
    return table


def _natural_width(columns: dict[str, list[str]]) -> int:
    widths = [max(map(len, [heading, *texts])) for heading, texts in columns.items()]
    return sum(widths) + _GAP * (len(widths) - 1)


def _same(rows: Sequence[PlanRow]) -> dict[str, str]:
    """The names of a way that are the same in all rows, by their heading."""
    if len(rows) < 2:
        return {}
    texts = {heading: {cells(row)[place] for row in rows} for place, heading in enumerate(HEADINGS)}
    return {heading: texts[heading].pop() for heading in WAY if len(texts[heading]) == 1}


def _in_all(same: Mapping[str, str]) -> list[tuple[str, str]]:
    """A line of what is the same in all rows."""
    words = [
        f"{heading.lower()} {text}" if heading in ("Checkpointing", "Optimizer") else text
        for heading, text in same.items()
        if text
    ]
    return [("In each", ", ".join(words))] if words else []
