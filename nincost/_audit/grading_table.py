"""Grades one column of a CSV: each row against the layer that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.doubts import runs_with_biases, with_other_units
from nincost._audit.grading import grade
from nincost._audit.mistakes import Question
from nincost._audit.reading.expression import Claim, Node, parse, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.table_answer import Column
from nincost._audit.reading.weights_and_biases import Cell
from nincost._audit.results import Grade
from nincost._audit.truths import truths_of
from nincost._audit.wrong_total import OtherTotals
from nincost._closed_form.cost_terms import CostedLayer

#: A row's name in a table that a program printed, as printed_summary.py gives it.
_PRINTED = re.compile(r"#\d+$")


def grade_column(
    column: Column,
    layers: Sequence[CostedLayer],
    question: Question,
    other_totals: OtherTotals | None = None,
) -> Grade:
    """Rows are matched by the layer's name, and those with names of their own by value."""
    column = _without_bias_additions(column, tuple(layers))
    text = ""
    lines = []
    for cell in _merged(column.cells, layers):
        start = len(text)
        text += f"{cell.layer}: {cell.text}\n"
        node = Node("number", cell.value, (), start, len(text) - 1, unit=cell.unit)
        stated: tuple[Claim, ...] = ()
        if cell.stated is not None:
            whole, _ = parse(text, start + len(cell.layer) + 1, len(text) - 1)
            node = whole or node
            stated = (Claim(cell.stated, Fraction(0), node.start, node.end),)
        lines.append(Line(cell.layer, node, stated))
    claims = []
    if column.total is not None:
        claims.append(Claim(column.total, column.total_unit, 0, 0))
    part = Part(question.what, text, lines, claims)
    found = grade(part, layers, question, other_totals=other_totals)[0]
    return with_other_units(found, part, tuple(layers))


def _without_bias_additions(column: Column, layers: tuple[CostedLayer, ...]) -> Column:
    """torchinfo's MACs without the addition of each bias, which it counts; others as they are.

    Only where each row of a printed table is exactly what it counts for some layers.
    """
    cells = column.cells
    if column.what != "macs" or not cells or not all(_PRINTED.search(one.layer) for one in cells):
        return column
    added = runs_with_biases(layers)
    costly = [cell for cell in cells if cell.value]
    if not any(added.get(int(cell.value)) for cell in costly):
        return column
    known = truths_of(layers, "macs").places_of
    if not all(int(cell.value) in added or int(cell.value) in known for cell in costly):
        return column
    less = {cell: added.get(int(cell.value), 0) for cell in cells}
    total = column.total
    whole = sum((cell.value for cell in cells), Fraction(0))
    if total is not None and stands_for(total, column.total_unit, whole):
        total = whole - sum(less.values())
    return replace(
        column,
        cells=tuple(replace(cell, value=cell.value - less[cell]) for cell in cells),
        total=total,
    )


def _merged(cells: Sequence[Cell], layers: Sequence[CostedLayer]) -> list[Cell]:
    """Rows of one name together: a layer has a row for each shape that it was called with.

    A function's row (`encoder [aten.add]`) that costs nothing is none of the model's layers.
    """
    known = {named.name for named in layers}
    found: dict[str, Cell] = {}
    for number, cell in enumerate(cells):
        name = _owner(cell.layer, known)
        if name not in known:  # `conv 1x1`, which a person may write for several layers
            found[f"{number} {name}"] = cell
        elif name in found:
            value, unit = found[name].value + cell.value, found[name].unit + cell.unit
            found[name] = Cell(name, str(value), value, unit)
        else:
            found[name] = replace(cell, layer=name)
    return [cell for cell in found.values() if cell.value or cell.layer in known]


def _owner(name: str, known: set[str]) -> str:
    """The layer that a row is part of: `attention` of `attention [aten.bmm]`."""
    if name in known:
        return name
    path = name.partition(" [")[0]
    while path:
        if path in known:
            return path
        path = path.rpartition(".")[0]
    return name
