"""A prediction of memory as a table for a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nincost import _units as units
from nincost._memory.results import LayerMemory, Memory
from nincost._render.memory.text import (
    ALL_PARTS,
    TOP,
    largest,
    peak_rows,
    statements,
    title,
    verdict,
)
from nincost._render.parts import remedies
from nincost._render.parts.terminal import WIDE_FROM, draw, grid, new_table


def render(result: Memory, *, top: int = TOP, width: int | None = None, color: bool = False) -> str:
    """Whether it fits, what the peak is made of, the layers that hold most of it, and words."""
    narrow = width is not None and width < WIDE_FROM
    parts: list[RenderableType] = [
        *[
            Text(line, style="bold green" if result.totals.fits else "bold red")
            for line in filter(None, [verdict(result)])
        ],
        Text(title(result), style="bold"),
        Text(),
        *_remedies(result, narrow),
        _peak_table(result),
        Text(),
        _layer_table(result, top, narrow=narrow),
        Text(),
        grid(statements(result)),
    ]
    return draw(parts, width=width, color=color)


def _remedies(result: Memory, narrow: bool) -> list[RenderableType]:
    """What makes it fit, and the command to paste on a line of its own; nothing where it fits."""
    if result.remedies is None:
        return []
    table = new_table()
    headings = remedies.HEADINGS[:-1] if narrow else remedies.HEADINGS
    for heading in headings:
        right = heading == "Needs"
        table.add_column(
            heading,
            justify="right" if right else "left",
            no_wrap=heading != "What makes it fit",
            overflow="fold",
            min_width=40 if heading == "What makes it fit" else None,
        )
    for row in remedies.rows(result.remedies):
        style = "bold green" if row[0] else "dim" if row[3] == "no" else ""
        table.add_row(*map(Text, row[: len(headings)]), style=style)
    found: list[RenderableType] = [table, Text(), Text(remedies.advice(result.remedies))]
    if command := remedies.command(result.remedies):
        found.append(Text(f"  {command}", style="bold", no_wrap=True, overflow="ignore"))
    return [*found, Text()]


def _peak_table(result: Memory) -> Table:
    measured = result.totals.measured
    table = new_table()
    table.add_column("At the peak", no_wrap=True)
    table.add_column("Predicted" if measured else "Bytes", justify="right", no_wrap=True)
    if measured:
        table.add_column("Measured", justify="right", no_wrap=True)
        table.add_column("Difference", justify="right", no_wrap=True)
    table.add_column("Share", justify="right", no_wrap=True)
    categories = len(result.totals.categories_at_peak)
    rows = peak_rows(result)[: categories + 3]
    for number, (name, size, real) in enumerate(rows):
        is_total = number >= categories
        if not size and not real and not is_total:
            continue
        if number == categories:
            table.add_section()
        cells = [name, units.size(size)]
        if measured:
            cells += ["-", "-"] if real is None else [units.size(real), _off(size, real)]
        share = 100 * size / max(result.totals.peak_allocated_bytes, 1)
        cells.append("" if is_total else f"{share:.1f}%")
        table.add_row(*map(Text, cells), style="bold" if is_total else "")
    return table


def _off(predicted: int, measured: int) -> str:
    if predicted == measured:
        return "exact"
    away = predicted - measured
    return f"{'+' if away > 0 else '-'}{units.size(abs(away))}"


def _layer_table(result: Memory, top: int, *, narrow: bool) -> Table:
    shown, rest = largest(result, top)
    parts = {
        name: keys
        for name, keys in ALL_PARTS.items()
        if any(layer.categories.get(key) for layer in result.layers for key in keys)
    }
    if narrow:
        first = "Unsharded" if "Unsharded" in parts else "Model"
        parts = {name: parts[name] for name in (first, "Activations", "Temporary") if name in parts}
    table = new_table()
    table.add_column("Layer at the peak", overflow="ellipsis", no_wrap=True)
    table.add_column("Bytes", justify="right", no_wrap=True)
    for name in parts:
        table.add_column(name, justify="right", no_wrap=True)
    for layer in shown:
        table.add_row(*map(Text, [layer.layer, *_sizes([layer], parts)]))
    if rest:
        plural = "s" if len(rest) > 1 else ""
        table.add_row(*map(Text, [f"{len(rest)} other{plural}", *_sizes(rest, parts)]), style="dim")
    return table


def _sizes(layers: list[LayerMemory], parts: dict[str, tuple[str, ...]]) -> list[str]:
    cells = [units.size(sum(layer.bytes for layer in layers))]
    for keys in parts.values():
        size = sum(layer.categories.get(key, 0) for layer in layers for key in keys)
        cells.append(units.size(size) if size else "")
    return cells
