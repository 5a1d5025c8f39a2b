"""The largest batch as table, CSV and Markdown: the memory at it and at one more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from nincost._memory.fit_results import Fit
from nincost._memory.results import Memory
from nincost._render import csv, html_text, markdown, units
from nincost._render.memory.text import CATEGORY_NAMES, made_of, setting, uncounted
from nincost._render.terminal import draw, new_table, statements

if TYPE_CHECKING:
    from nincost._render.figures.picture import Picture

#: Inches, in a notebook; the picture is shown larger.
_INLINE_WIDTH = 4.6

_COLUMNS = (
    "batch_size", "fits", "process_bytes", "budget_bytes", "peak_allocated_bytes",
    "peak_reserved_bytes", *CATEGORY_NAMES,
)  # fmt: skip


def title(result: Fit) -> str:
    """`two-1x1 on rtx4090: a training step with SGD`."""
    budget = units.size(result.totals.budget_bytes)
    return f"{result.model} within {budget}: {setting(result.settings)}"


def notes(result: Fit) -> list[str]:
    """What a careful reader should know."""
    return [*result.notes, *uncounted(result.memory)]


def _rows(result: Fit) -> list[tuple[str, int, int]]:
    at, more = result.memory.totals, result.next_memory.totals
    rows = [
        (words, at.categories_at_peak[name], more.categories_at_peak[name])
        for name, words in CATEGORY_NAMES.items()
    ]
    rows = [row for row in rows if row[1] or row[2]]
    return [
        *rows,
        ("peak allocated", at.peak_allocated_bytes, more.peak_allocated_bytes),
        ("peak reserved", at.peak_reserved_bytes, more.peak_reserved_bytes),
        ("process", at.process_bytes, more.process_bytes),
    ]


def summary(result: Fit) -> list[tuple[str, str]]:
    """The answer in words."""
    totals = result.totals
    batch = totals.batch_size
    spare = totals.budget_bytes - totals.process_bytes
    over = totals.next_process_bytes - totals.budget_bytes
    low, high = result.memory.totals.interval["process_bytes"]
    lines = [
        (
            "Largest batch",
            f"{batch}: {units.size(totals.process_bytes)} of {units.size(totals.budget_bytes)}, "
            f"{units.size(spare)} to spare; a batch of {batch + 1} is {units.size(over)} too large",
        ),
        (
            "Made of",
            made_of(
                result.memory.totals.categories_at_peak, result.memory.totals.peak_allocated_bytes
            ),
        ),
        (
            "Range",
            f"the process takes {units.size(low)} to {units.size(high)} at this batch, by what "
            "cuDNN picks and how large the CUDA context is",
        ),
    ]
    if result.memory.totals.context_bytes:
        lines.append(("Rules", f"as on {result.gpu}"))
    return lines


def render(result: Fit, *, width: int | None = None, color: bool = False) -> str:
    """Both batches side by side."""
    batch = result.totals.batch_size
    table = new_table()
    table.add_column("At the peak", no_wrap=True)
    table.add_column(f"Batch {batch}", justify="right", no_wrap=True)
    table.add_column(f"Batch {batch + 1}", justify="right", no_wrap=True)
    rows = _rows(result)
    for number, (name, at, more) in enumerate(rows):
        is_total = number >= len(rows) - 3
        if number == len(rows) - 3:
            table.add_section()
        cells = [Text(name), Text(units.size(at)), Text(units.size(more))]
        table.add_row(*cells, style="bold" if is_total else "")
    words = [*summary(result), *(("Note", text) for text in notes(result))]
    parts: list[RenderableType] = [
        Text(title(result), style="bold"),
        Text(),
        table,
        Text(),
        statements(words),
    ]
    return draw(parts, width=width, color=color)


def render_csv(result: Fit) -> str:
    """A row for the answer and a row for one more."""
    batch = result.totals.batch_size
    return csv.write(
        _COLUMNS,
        (
            _values(result, batch, result.memory, fits=1),
            _values(result, batch + 1, result.next_memory, fits=0),
        ),
    )


def _values(result: Fit, batch: int, memory: Memory, *, fits: int) -> list[object]:
    totals = memory.totals
    return [
        batch, fits, totals.process_bytes, result.totals.budget_bytes,
        totals.peak_allocated_bytes, totals.peak_reserved_bytes,
        *(totals.categories_at_peak[name] for name in CATEGORY_NAMES),
    ]  # fmt: skip


def render_markdown(result: Fit) -> str:
    """The table with whole numbers, and the words."""
    batch = result.totals.batch_size
    cells = [[name, units.exact(at), units.exact(more)] for name, at, more in _rows(result)]
    lines = [f"# {markdown.escape(title(result))}", ""]
    columns = ["at the peak", f"batch {batch}", f"batch {batch + 1}"]
    lines += markdown.table(columns, cells, [False, True, True])
    lines.append("")
    lines += [f"- {name}: {markdown.escape(text)}" for name, text in summary(result)]
    lines += [f"- Note: {markdown.escape(text)}" for text in notes(result)]
    return "\n".join(lines) + "\n"


def render_html(result: Fit) -> str:
    """A plain HTML table and the picture, for notebooks."""

    def draw() -> Picture:
        from nincost._render.fit import figure as fit

        return fit.draw(result, width=_INLINE_WIDTH)

    batch = result.totals.batch_size
    headings = ("At the peak", f"Batch {batch}", f"Batch {batch + 1}")
    rows = [(name, units.size(at), units.size(more)) for name, at, more in _rows(result)]
    words = [*summary(result), *(("Note", text) for text in notes(result))]
    above, below = html_text.statements(title(result), words)
    picture = html_text.inline_picture(draw, f"Memory by batch size: {words[0][1]}")
    return above + html_text.table(headings, rows) + picture + below
