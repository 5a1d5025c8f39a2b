"""A comparison as plain HTML tables, for notebooks: no script, no style sheet."""

from __future__ import annotations

from nincost._compare.results import Comparison
from nincost._render.compare import text as words
from nincost._render.parts import html

_SIGNS = {"changed": "~", "added": "+", "removed": "-"}
_COLUMNS = (("params", "Params"), ("macs", "MACs"), ("activation_bytes", "Activation"))


def render(comparison: Comparison) -> str:
    """The layers that differ, where two networks are compared, and all totals with ratios."""
    notes = [("Note", note) for note in comparison.notes]
    if comparison.layers:
        notes.insert(0, ("Layers", words.counts(comparison)))
    above, below = html.statements(words.title(comparison), notes)
    layers = _layers(comparison) if comparison.changed else ""
    return above + layers + _totals(comparison) + below


def _layers(comparison: Comparison) -> str:
    headings = ["Layer", "Output", *(heading for _, heading in _COLUMNS)]
    return html.table(
        headings,
        (
            [
                f"{_SIGNS[row.status]} {row.layer}",
                row.output_shape,
                *(words.change(name, row.change(name)) for name, _ in _COLUMNS),
            ]
            for row in comparison.changed
        ),
    )


def _totals(comparison: Comparison) -> str:
    rows = []
    for name, heading in words.totals(comparison):
        cells = zip(comparison.total(name), comparison.ratios(name), strict=True)
        rows.append(
            [
                heading,
                *(
                    words.amount(name, value) + (f" ({words.ratio(ratio)})" if place else "")
                    for place, (value, ratio) in enumerate(cells)
                ),
            ]
        )
    return html.table(["Total", *comparison.names], rows)
