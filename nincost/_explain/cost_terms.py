"""What each layer costs, as a person would work it out: the truth that `audit` grades by.

The amounts are the trace's; the terms that they are made of are the hand formulas', which
`nincost check` holds against the trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nincost._closed_form.modules import Unit, units_of
from nincost._closed_form.working import Factor, Term
from nincost._explain.window import Window
from nincost._profile import op_cost
from nincost._trace.records import Trace

What = Literal["params", "macs", "flops"]
WHATS: tuple[What, ...] = ("params", "macs", "flops")

Terms = tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One layer's costs without its name: equal sheets are interchangeable in a calculation.

    Attributes:
        type: the module's class, or an operator's name.
        params, macs: amounts, all calls together; a shared parameter in its first layer only.
        param_terms, mac_terms: what they add up from; empty where there is no hand formula.
        output: sizes of the first output, batch included.
        channels: of its input, 0 where there is no such thing.
        groups: of a convolution.
        window: None where nothing slides.
    """

    type: str
    params: int
    macs: int
    param_terms: Terms
    mac_terms: Terms
    output: tuple[int, ...]
    channels: int = 0
    groups: int = 1
    window: Window | None = None

    def terms(self, what: What) -> Terms:
        if what == "params":
            return self.param_terms
        if what == "macs":
            return self.mac_terms
        return tuple(Term(t.what, (Factor("2", 2), *t.factors)) for t in self.mac_terms)

    def amount(self, what: What) -> int:
        return {"params": self.params, "macs": self.macs, "flops": 2 * self.macs}[what]


@dataclass(frozen=True, slots=True)
class NamedSheet:
    """A layer of the model and its sheet."""

    layer: str
    sheet: Sheet


def sheets_of(traced: Trace) -> tuple[NamedSheet, ...]:
    """A sheet for each layer in order of execution; together they add up to the model."""
    units = list(units_of(traced))
    inside = bytearray(len(traced.ops))
    found: list[tuple[int, NamedSheet]] = []
    owner: dict[int, int] = {}  # module: place in `found` of the unit that it is part of
    for place, unit in enumerate(units):
        path = traced.modules[unit.module].path
        for index, info in enumerate(traced.modules):
            if index == unit.module or (unit.module and info.path.startswith(f"{path}.")):
                owner.setdefault(index, place)
        for call in unit.calls:
            inside[call.first_op : call.last_op] = b"\1" * (call.last_op - call.first_op)
    params = [0] * len(units)
    loose: dict[str, int] = {}
    for parameter in traced.parameters:
        places = [owner[o] for o in parameter.owners if o in owner]
        if places:
            params[min(places)] += parameter.elements
        else:
            loose[parameter.name] = parameter.elements
    for unit, amount in zip(units, params, strict=True):
        info = traced.modules[unit.module]
        found.append((unit.calls[0].first_op, NamedSheet(info.path, _sheet(traced, unit, amount))))
    found += _operators(traced, inside)
    found.sort(key=lambda pair: pair[0])
    names = [NamedSheet(name, Sheet("Parameter", n, 0, (), (), ())) for name, n in loose.items()]
    return (*[named for _, named in found], *names)


def _sheet(traced: Trace, unit: Unit, params: int) -> Sheet:
    info, first = traced.modules[unit.module], unit.calls[0]
    macs = sum(
        op_cost(op.signature).macs
        for call in unit.calls
        for op in traced.ops[call.first_op : call.last_op]
    )
    param_terms: Terms = ()
    mac_terms: Terms = ()
    if not unit.failure:
        param_terms = unit.workings[0].params
        mac_terms = unit.workings[0].macs
        if len(unit.calls) > 1:
            if all(w.macs == mac_terms for w in unit.workings):
                calls = Factor("calls", len(unit.calls))
                mac_terms = tuple(Term(t.what, (calls, *t.factors)) for t in mac_terms)
            else:
                mac_terms = tuple(t for w in unit.workings for t in w.macs)
    if sum(t.value for t in param_terms) != params:  # shared with an earlier layer
        param_terms = ()
    if sum(t.value for t in mac_terms) != macs:
        mac_terms = ()
    module: Any = info.module
    given = tuple(first.inputs[0].shape) if first.inputs else ()
    window = _window(module, given)
    dims = len(window.kernel) if window else 0
    channels = given[-dims - 1] if window and len(given) > dims else (given[-1] if given else 0)
    return Sheet(
        type=info.kind,
        params=params,
        macs=macs,
        param_terms=param_terms,
        mac_terms=mac_terms,
        output=tuple(first.outputs[0].shape) if first.outputs else (),
        channels=channels,
        groups=int(getattr(module, "groups", 1)) if window else 1,
        window=window,
    )


def _window(module: Any, given: tuple[int, ...]) -> Window | None:
    """The window of a module that has a kernel, from its own attributes."""
    kernel = getattr(module, "kernel_size", None)
    if kernel is None or type(module).__name__[-1:] != "d":
        return None
    dims = int(type(module).__name__[-2])

    def each(value: Any) -> tuple[int, ...]:
        return (value,) * dims if isinstance(value, int) else tuple(value)

    kernel = each(kernel)
    stride = each(module.stride if module.stride is not None else kernel)
    dilation = each(getattr(module, "dilation", 1))
    padding = module.padding
    if padding == "same":
        padding = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True))
    padding = (0,) * dims if padding == "valid" else each(padding)
    return Window(tuple(given[-dims:]), kernel, stride, padding, dilation)


def _operators(traced: Trace, inside: bytearray) -> list[tuple[int, NamedSheet]]:
    """Contractions that ran outside every module with a hand formula."""
    macs: dict[tuple[int, str], int] = {}
    first: dict[tuple[int, str], int] = {}
    for index, op in enumerate(traced.ops):
        amount = 0 if inside[index] else op_cost(op.signature).macs
        if amount:
            key = (traced.calls[op.call].module, op.signature.name)
            first.setdefault(key, index)
            macs[key] = macs.get(key, 0) + amount
    found = []
    for key, amount in macs.items():
        module, name = key
        output = tuple(traced.ops[first[key]].signature.outputs[0].shape)
        sheet = Sheet(name, 0, amount, (), (), output)
        found.append((first[key], NamedSheet(f"{traced.modules[module].path} [{name}]", sheet)))
    return found
