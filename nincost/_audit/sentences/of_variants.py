"""A table that compares the built-in variants: each row's total is graded as that variant's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from nincost._audit.graded_terms import plain_number
from nincost._audit.interpretations import Mistake
from nincost._audit.reading.expression import Node, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.reading.table_answer import Column
from nincost._audit.reading.weights_and_biases import Cell
from nincost._audit.results import Explanation, Grade, GradedTerm, MistakeCount
from nincost._audit.subject import Subject

#: How a part of an answer is graded, given the model that it is about.
GradePart = Callable[[Part, Subject], Grade]


def graded_variants(column: Column, subject: Subject, grade: GradePart) -> Grade:
    """The grade of the model's own row, with what is wrong in the rows of the others."""
    totals = dict(subject.all_totals(column.what))
    model = subject.traced.model
    terms = [_term(cell, totals) for cell in column.cells]
    own = next((cell for cell in column.cells if cell.variant == model), None)
    total = own or replace(column.cells[0], value=Fraction(totals[model]), unit=Fraction(0))
    found = grade(_alone(column, total), subject)
    wrong = [term for term in terms if term.verdict == "wrong"]
    if not found.ok:
        return replace(found, terms=tuple(terms))
    if not wrong:
        return replace(found, terms=tuple(terms), written=found.expected)
    first = wrong[0].explanations[0].mistakes[0]
    return replace(
        found, ok=False, terms=tuple(terms), written=wrong[0].value,
        expected=wrong[0].expected or 0, corrected=wrong[0].correction,
        mistakes=(MistakeCount(first.key, first.title, (), None),),
    )  # fmt: skip


def _alone(column: Column, cell: Cell) -> Part:
    node = Node("number", cell.value, (), 0, len(cell.text), unit=cell.unit)
    return Part(column.what, cell.text, [Line("", node)])


def _term(cell: Cell, totals: dict[str, int]) -> GradedTerm:
    expected = totals[cell.variant]
    right = stands_for(cell.value, cell.unit, Fraction(expected))
    explanations: tuple[Explanation, ...] = ()
    if not right:
        others = [n for n, t in totals.items() if stands_for(cell.value, cell.unit, Fraction(t))]
        words = f"{cell.variant} has {expected:,} in all"
        if others:
            mistake = Mistake(
                "other-variant",
                f"this is the total of {others[0]}; {cell.variant} has {expected:,}",
            )
        else:
            mistake = Mistake("unexplained", words)
        explanations = (Explanation((mistake,)),)
    return GradedTerm(
        text=f"{cell.layer}: {cell.text}", value=plain_number(cell.value), layers=(),
        expected=expected, verdict="right" if right else "wrong", explanations=explanations,
        correction="" if right else f"{expected:,}",
    )  # fmt: skip
