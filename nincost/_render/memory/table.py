"""A prediction of memory as table, CSV, Markdown and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nincost._memory.results import MEMORY_COLUMNS, PHASES, LayerMemory, Memory
from nincost._render import csv, html_text, markdown, units
from nincost._render.memory.text import CATEGORY_NAMES, notes, summary, title
from nincost._render.terminal import WIDE_FROM, draw, new_table, statements

if TYPE_CHECKING:
    from nincost._render.figures.picture import Picture

#: Inches, in a notebook; the picture is shown larger.
_INLINE_WIDTH = 4.6

#: Layers in a table unless asked otherwise; CSV and JSON have them all.
TOP = 8

#: Columns of the layers' table, and the categories that each adds up.
_PARTS = {
    "Model": ("parameters", "buffers"),
    "Gradients": ("gradients",),
    "Optimizer": ("optimizer_state",),
    "Inputs": ("inputs",),
    "Activations": ("activations",),
    "Temporary": ("temporaries", "workspace"),
}


def render(result: Memory, *, top: int = TOP, width: int | None = None, color: bool = False) -> str:
    """What the peak is made of, the layers that hold most of it, and words."""
    parts: list[RenderableType] = [
        Text(title(result), style="bold"),
        Text(),
        _peak_table(result),
        Text(),
        _layer_table(result, top, narrow=width is not None and width < WIDE_FROM),
        Text(),
        statements([*summary(result), *(("Note", text) for text in notes(result))]),
    ]
    return draw(parts, width=width, color=color)


def peak_rows(result: Memory) -> list[tuple[str, int, int | None]]:
    """Each category, the three totals and the phases: its name, predicted, measured."""
    totals, measured = result.totals, result.totals.measured
    rows: list[tuple[str, int, int | None]] = [
        (
            words,
            totals.categories_at_peak[name],
            measured.categories_at_peak.get(name) if measured else None,
        )
        for name, words in CATEGORY_NAMES.items()
    ]
    rows += [
        (name.replace("_bytes", "").replace("_", " "), getattr(totals, name),
         getattr(measured, name) if measured else None)
        for name in ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes")
    ]  # fmt: skip
    rows += [
        (
            f"allocated {name.replace('_', ' ')}",
            totals.phases[name],
            measured.phases.get(name) if measured else None,
        )
        for name in PHASES
        if name in totals.phases
    ]
    return rows


def _peak_table(result: Memory) -> Table:
    measured = result.totals.measured
    table = new_table()
    table.add_column("At the peak", no_wrap=True)
    table.add_column("Predicted" if measured else "Bytes", justify="right", no_wrap=True)
    if measured:
        table.add_column("Measured", justify="right", no_wrap=True)
        table.add_column("Difference", justify="right", no_wrap=True)
    table.add_column("Share", justify="right", no_wrap=True)
    rows = peak_rows(result)[: len(CATEGORY_NAMES) + 3]
    for number, (name, size, real) in enumerate(rows):
        is_total = number >= len(CATEGORY_NAMES)
        if not size and not real and not is_total:
            continue
        if number == len(CATEGORY_NAMES):
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


def largest(result: Memory, top: int) -> tuple[list[LayerMemory], list[LayerMemory]]:
    """The layers that hold most at the peak, and the others."""
    order = sorted(result.layers, key=lambda layer: -layer.bytes)
    return order[:top], order[top:]


def _layer_table(result: Memory, top: int, *, narrow: bool) -> Table:
    shown, rest = largest(result, top)
    parts = {
        name: keys
        for name, keys in _PARTS.items()
        if any(layer.categories[key] for layer in result.layers for key in keys)
    }
    if narrow:
        parts = {
            name: parts[name] for name in ("Model", "Activations", "Temporary") if name in parts
        }
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
        size = sum(layer.categories[key] for layer in layers for key in keys)
        cells.append(units.size(size) if size else "")
    return cells


def render_csv(result: Memory) -> str:
    """A row for each layer that holds something at the peak; the rows sum to the peak."""
    rows = (layer.to_dict() for layer in result.layers)
    return csv.write(MEMORY_COLUMNS, ([row[name] for name in MEMORY_COLUMNS] for row in rows))


def render_markdown(result: Memory, *, top: int = TOP) -> str:
    """The same as the terminal's table, with whole numbers."""
    measured = result.totals.measured
    columns = ["at the peak", "predicted"] + (["measured"] if measured else [])
    rows = [
        [name, units.exact(size)]
        + ([("-" if real is None else units.exact(real))] if measured else [])
        for name, size, real in peak_rows(result)
    ]
    lines = [f"# {markdown.escape(title(result))}", ""]
    lines += markdown.table(columns, rows, [False] + [True] * (len(columns) - 1))
    lines.append("")
    shown, rest = largest(result, top)
    cells = [[markdown.escape(layer.layer), units.exact(layer.bytes)] for layer in shown]
    if rest:
        total = sum(layer.bytes for layer in rest)
        cells.append([f"{len(rest)} others", units.exact(total)])
    lines += markdown.table(["layer at the peak", "bytes"], cells, [False, True])
    lines.append("")
    lines += [f"- {name}: {markdown.escape(text)}" for name, text in summary(result)]
    lines += [f"- Note: {markdown.escape(text)}" for text in notes(result)]
    return "\n".join(lines) + "\n"


def render_html(result: Memory) -> str:
    """A plain HTML table and the picture of the step, for notebooks."""
    headings = ("At the peak", "Predicted", "Measured")
    rows = (
        (name, units.size(size), "-" if real is None else units.size(real))
        for name, size, real in peak_rows(result)
    )
    words = [*summary(result), *(("Note", text) for text in notes(result))]
    above, below = html_text.statements(title(result), words)
    return above + html_text.table(headings, rows) + _picture(result) + below


def _picture(result: Memory) -> str:
    def draw() -> Picture:
        from nincost._render.memory import figure as memory

        return memory.draw(result, width=_INLINE_WIDTH)

    if result.history is None:
        return ""
    return html_text.inline_picture(draw, f"The memory over the step: {summary(result)[0][1]}")
