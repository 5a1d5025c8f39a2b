"""A comparison as Markdown."""

from __future__ import annotations

from nincost._compare.results import AMOUNTS, Comparison
from nincost._compare.view import ComparisonView, layers, model_order, rows
from nincost._render.compare import text as words
from nincost._render.markdown import cell, escape, table


def render(comparison: Comparison, *, view: ComparisonView | None = None) -> str:
    """The layers that differ, then the totals with ratios to the first network.

    Where `view` names columns, the rows with these instead.
    """
    view = view or ComparisonView()
    lines = [f"# {escape(words.title(comparison))}", ""]
    if view.columns:
        chosen = rows(comparison, view)
        cells = ([cell(value) for value in row] for row in chosen.rows)
        right = [not any(isinstance(row[place], str) for row in chosen.rows)
                 for place in range(len(chosen.columns))]  # fmt: skip
        return "\n".join([*lines, *table(chosen.columns, cells, right)]) + "\n"
    if comparison.layers:
        columns = ("", "layer", "type", "output", *AMOUNTS)
        differing = [
            [row.status, escape(row.layer), escape(row.type), escape(row.output_shape),
             *(words.change(name, row.change(name)) for name in AMOUNTS)]
            for row in layers(comparison, view, all_rows=False)
        ]  # fmt: skip
        if differing:
            lines += table(columns, differing, [name in AMOUNTS for name in columns])
        lines += ["", escape(words.counts(comparison)), ""]
    totals = words.totals(comparison)
    # A ratio has a cell of its own, so that a spreadsheet reads both.
    headings = ("model", *(text for _, heading in totals for text in (heading, "ratio")))
    models = []
    order = range(len(comparison.names)) if comparison.layers else model_order(comparison, view)
    for place in order:
        cells_of = [escape(comparison.names[place])]
        for amount, _ in totals:
            ratio = comparison.ratios(amount)[place]
            cells_of.append(words.amount(amount, comparison.total(amount)[place]))
            cells_of.append("-" if ratio is None else f"{ratio:.3f}")
        models.append(cells_of)
    lines += table(headings, models, [False, *(True for _ in headings[1:])])
    lines += ["", *(f"- {escape(note)}" for note in comparison.notes)] if comparison.notes else []
    return "\n".join(lines) + "\n"
