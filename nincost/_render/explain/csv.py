"""An explanation as CSV: a row for each layer, formulas as text."""

from __future__ import annotations

from nincost._explain.results import Explained
from nincost._render import csv

COLUMNS = (
    "layer", "type", "input_shape", "output_shape", "size_formula", "unread", "params_letters",
    "params_numbers", "params", "weights", "biases", "macs_letters", "macs_numbers", "macs",
    "activation_elements", "activation_bytes", "field_size", "field_stride", "field_first",
    "field_center",
)  # fmt: skip


def render(explained: Explained) -> str:
    """Sizes of several dimensions are joined with `;`."""
    rows: list[list[object]] = []
    for layer in explained.layers:
        field = layer.field or ()
        rows.append([
            layer.layer, layer.type, str(layer.input_shape), str(layer.output_shape),
            ";".join(size.formula for size in layer.sizes),
            ";".join(str(size.unread) for size in layer.sizes),
            layer.params.letters, layer.params.numbers, layer.params.value, layer.weights,
            layer.biases, layer.macs.letters, layer.macs.numbers, layer.macs.value,
            layer.activation_elements, layer.activation_bytes,
            ";".join(str(f.size) for f in field), ";".join(str(f.stride) for f in field),
            ";".join(str(f.first) for f in field), ";".join(f"{f.center:g}" for f in field),
        ])  # fmt: skip
    return csv.write(COLUMNS, rows)
