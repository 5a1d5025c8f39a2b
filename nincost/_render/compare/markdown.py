"""A comparison as Markdown."""

from __future__ import annotations

from nincost._compare.results import AMOUNTS, Comparison
from nincost._render.compare import text as words
from nincost._render.markdown import escape, table


def render(comparison: Comparison) -> str:
    """The layers that differ, then the totals with ratios to the first network."""
    lines = [f"# {escape(words.title(comparison))}", ""]
    if comparison.layers:
        columns = ("", "layer", "type", "output", *AMOUNTS)
        rows = [
            [row.status, escape(row.layer), escape(row.type), escape(row.output_shape),
             *(words.change(name, row.change(name)) for name in AMOUNTS)]
            for row in comparison.changed
        ]  # fmt: skip
        lines += table(columns, rows, [name in AMOUNTS for name in columns]) if rows else []
        lines += ["", words.counts(comparison), ""]
    totals = words.totals(comparison)
    # A ratio has a cell of its own, so that a spreadsheet reads both.
    headings = ("model", *(text for _, heading in totals for text in (heading, "ratio")))
    rows = []
    for place, name in enumerate(comparison.names):
        cells = [escape(name)]
        for amount, _ in totals:
            ratio = comparison.ratios(amount)[place]
            cells.append(words.amount(amount, comparison.total(amount)[place]))
            cells.append("-" if ratio is None else f"{ratio:.3f}")
        rows.append(cells)
    lines += table(headings, rows, [False, *(True for _ in headings[1:])])
    lines += ["", *(f"- {escape(note)}" for note in comparison.notes)] if comparison.notes else []
    return "\n".join(lines) + "\n"
