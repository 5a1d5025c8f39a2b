"""An audit as CSV: a row for each term, and for each layer that is missing."""

from __future__ import annotations

from nincost._audit.results import Audit
from nincost._render import csv

COLUMNS = (
    "what", "term", "value", "layers", "expected", "verdict", "mistakes", "detail", "correction",
)  # fmt: skip


def render(audit: Audit) -> str:
    """The rows; the likeliest explanation's mistakes are joined with `;`."""
    rows: list[list[object]] = []
    for grade in audit.grades:
        for term in grade.terms:
            first = term.explanations[0] if term.explanations else None
            rows.append([
                grade.what, term.text, term.value, ";".join(term.layers), term.expected,
                term.verdict, ";".join(mistake.key for mistake in first.mistakes) if first else "",
                first.detail if first else "", term.correction,
            ])  # fmt: skip
        for layer in grade.missing:
            rows.append(
                [grade.what, "", 0, layer.layer, layer.expected, "missing", "missing", "",
                 layer.correction]
            )  # fmt: skip
        rows.append(
            [grade.what, "total", grade.written, "", grade.expected,
             "right" if grade.ok else "wrong", ";".join(m.key for m in grade.mistakes),
             "; ".join(grade.arithmetic_errors), grade.corrected]
        )  # fmt: skip
    return csv.write(COLUMNS, rows)
