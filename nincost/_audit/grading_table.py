"""Grades one column of a CSV: each row against the layer that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.doubts import with_other_units
from nincost._audit.grading import grade
from nincost._audit.mistakes import Question
from nincost._audit.reading.expression import Claim, Node, parse
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.table_answer import Column
from nincost._audit.reading.weights_and_biases import Cell
from nincost._audit.results import Grade
from nincost._audit.wrong_total import OtherTotals
from nincost._closed_form.cost_terms import CostedLayer


def grade_column(
    column: Column,
    layers: Sequence[CostedLayer],
    question: Question,
    other_totals: OtherTotals | None = None,
) -> Grade:
    """Rows are matched by the layer's name, and those with names of their own by value."""
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
