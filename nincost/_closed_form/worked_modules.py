"""Which modules of a trace have a hand formula, with its working, and what ran outside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nincost._closed_form import formulas  # noqa: F401  (registers them)
from nincost._closed_form.registry import Working, formula_for
from nincost._profile import op_cost
from nincost._trace.records import ModuleCall, Trace


@dataclass(slots=True, eq=False)
class WorkedModule:
    """A module with a hand formula, and the working of each of its calls.

    Attributes:
        module: its index in `Trace.modules`.
        calls: of this module, in order.
        workings: one for each call; none that failed.
        failure: why there is no working, where the formula does not fit an input; else empty.
    """

    module: int
    calls: list[ModuleCall]
    workings: list[Working]
    failure: str = ""


def worked_modules(traced: Trace) -> Iterator[WorkedModule]:
    """The outermost modules with a hand formula, in order of their first call."""
    found: dict[int, WorkedModule] = {}
    covered: set[int] = set()  # calls inside a worked module's call
    for index, call in enumerate(traced.calls):
        if call.parent in covered:
            covered.add(index)
            continue
        formula = formula_for(traced.modules[call.module].module)
        if formula is None:
            continue
        covered.add(index)
        worked = found.setdefault(call.module, WorkedModule(call.module, [], []))
        worked.calls.append(call)
        shapes = tuple(tuple(meta.shape) for meta in call.inputs)
        try:
            worked.workings.append(formula(traced.modules[call.module].module, shapes))
        except Exception as error:  # an input that the formula does not know, a packed sequence say
            worked.failure = f"the hand formula does not fit this input ({error})"
    yield from found.values()


def call_macs(traced: Trace, call: ModuleCall) -> int:
    """MACs of the operators that ran in a call, by trace."""
    return sum(op_cost(op.signature).macs for op in traced.ops[call.first_op : call.last_op])


@dataclass(slots=True, eq=False)
class OutsideOperator:
    """A contraction that ran outside every module with a hand formula.

    Attributes:
        module: the index in `Trace.modules` of the module that ran it.
        name: the operator's, such as `aten.mm`.
        places: of its runs in `Trace.ops`.
        macs: of all runs together.
    """

    module: int
    name: str
    places: list[int]
    macs: int = 0


def operators_outside(traced: Trace, worked: Iterable[WorkedModule]) -> Iterable[OutsideOperator]:
    """The operators with MACs that ran outside these modules, in order of their first run."""
    inside = bytearray(len(traced.ops))
    for one in worked:
        for call in one.calls:
            inside[call.first_op : call.last_op] = b"\1" * (call.last_op - call.first_op)
    found: dict[tuple[int, str], OutsideOperator] = {}
    for index, op in enumerate(traced.ops):
        macs = 0 if inside[index] else op_cost(op.signature).macs
        if macs:
            module, name = traced.calls[op.call].module, op.signature.name
            operator = found.setdefault((module, name), OutsideOperator(module, name, []))
            operator.places.append(index)
            operator.macs += macs
    return found.values()
