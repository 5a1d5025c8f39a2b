"""A comparison as CSV: the pairs of layers where two are compared, else a row for each network."""

from __future__ import annotations

from nincost._compare.results import AMOUNTS, Comparison
from nincost._render import csv

_SIDES = ("layer", "output_shape")


def render(comparison: Comparison) -> str:
    """Plain integers; a change is the second network's amount less the first's."""
    if not comparison.layers:
        return _totals(comparison)
    columns = ["status", "layer", "type"]
    columns += [f"{side}_{name}" for name in _SIDES for side in ("left", "right")]
    for name in AMOUNTS:
        columns += [f"left_{name}", f"right_{name}", f"{name}_change"]
    rows = [row.to_dict() for row in comparison.layers]
    return csv.write(columns, ([row[name] for name in columns] for row in rows))


def _totals(comparison: Comparison) -> str:
    amounts = ["params", "macs", "flops", *AMOUNTS[2:]]
    if comparison.training:
        amounts.append("training_bytes")
    rows = [
        [name, ";".join(profile.input), profile.batch_size,
         *(comparison.total(amount)[place] for amount in amounts)]
        for place, (name, profile) in enumerate(
            zip(comparison.names, comparison.profiles, strict=True)
        )
    ]  # fmt: skip
    return csv.write(("model", "input", "batch_size", *amounts), rows)
