"""The layers that a person would work out by hand: modules with a hand formula, and their calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nincost._closed_form import layers, sequences  # noqa: F401  (register)
from nincost._closed_form.working import Working, formula_for
from nincost._trace.records import ModuleCall, Trace


@dataclass(slots=True, eq=False)
class Unit:
    """A module with a hand formula, and the working of each of its calls.

    `failure` says why there is no working, where the formula does not fit the input.
    """

    module: int
    calls: list[ModuleCall]
    workings: list[Working]
    failure: str = ""


def units_of(traced: Trace) -> Iterator[Unit]:
    """The outermost modules with a hand formula, in order of their first call."""
    units: dict[int, Unit] = {}
    covered: set[int] = set()  # calls inside a unit's call
    for index, call in enumerate(traced.calls):
        if call.parent in covered:
            covered.add(index)
            continue
        formula = formula_for(traced.modules[call.module].module)
        if formula is None:
            continue
        covered.add(index)
        unit = units.setdefault(call.module, Unit(call.module, [], []))
        unit.calls.append(call)
        shapes = tuple(tuple(meta.shape) for meta in call.inputs)
        try:
            unit.workings.append(formula(traced.modules[call.module].module, shapes))
        except Exception as error:  # an input that the formula does not know, a packed sequence say
            unit.failure = f"the hand formula does not fit this input ({error})"
    yield from units.values()
