"""What each layer of a model costs, term by term: what `explain` shows and `audit` grades by.

The amounts are the trace's. The terms that add up to them are the hand formulas', which
`nincost check` compares with the trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nincost._closed_form.terms import Factor, Term, Terms
from nincost._closed_form.window import Window, each
from nincost._closed_form.worked_modules import (
    WorkedModule,
    call_macs,
    operators_outside,
    worked_modules,
)
from nincost._trace.records import Trace

Quantity = Literal["params", "macs", "flops"]
QUANTITIES: tuple[Quantity, ...] = ("params", "macs", "flops")

#: Layer types that compute element by element, and have no parameters.
ACTIVATIONS = frozenset(
    [
        "ReLU",
        "ReLU6",
        "LeakyReLU",
        "ELU",
        "SELU",
        "CELU",
        "GELU",
        "SiLU",
        "Mish",
        "Sigmoid",
        "Tanh",
        "Hardswish",
        "Hardsigmoid",
    ]
)


@dataclass(frozen=True, slots=True)
class CostTerms:
    """One layer's costs without its name: layers of equal terms may stand for each other.

    Attributes:
        type: the module's class, or an operator's name.
        params, macs: elements and multiply-accumulates, all calls together; a shared parameter
            counts in its first layer only.
        param_terms, mac_terms: terms that add up to them; empty where there is no hand formula.
        output: the shape of the first output, batch included.
        channels: of its input; 0 where the input has no shape.
        groups: of a convolution, else 1.
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

    def terms(self, what: Quantity) -> Terms:
        """The terms of a quantity; FLOPs are the MACs' terms, each with a factor 2 in front."""
        if what == "params":
            return self.param_terms
        if what == "macs":
            return self.mac_terms
        return tuple(Term(t.what, (Factor("2", 2), *t.factors)) for t in self.mac_terms)

    def amount(self, what: Quantity) -> int:
        """Elements, MACs, or FLOPs at two for each MAC."""
        return {"params": self.params, "macs": self.macs, "flops": 2 * self.macs}[what]


@dataclass(frozen=True, slots=True)
class CostedLayer:
    """A layer of the model, by its path, and what it costs."""

    name: str
    cost: CostTerms


def costed_layers(traced: Trace) -> tuple[CostedLayer, ...]:
    """Each layer with its costs, in order of execution; together they add up to the model's.

    A layer is a module with a hand formula, a contraction outside any (`fc [aten.mm]`), or, last,
    a parameter that belongs to no such module.
    """
    worked = list(worked_modules(traced))
    owner: dict[int, int] = {}  # module: place in `worked` of the module that it is part of
    for place, one in enumerate(worked):
        path = traced.modules[one.module].path
        for index, info in enumerate(traced.modules):
            if index == one.module or (one.module and info.path.startswith(f"{path}.")):
                owner.setdefault(index, place)
    params = [0] * len(worked)
    loose: dict[str, int] = {}
    for parameter in traced.parameters:
        places = [owner[o] for o in parameter.owners if o in owner]
        if places:
            params[min(places)] += parameter.elements
        else:
            loose[parameter.name] = parameter.elements
    found: list[tuple[int, CostedLayer]] = []
    for one, amount in zip(worked, params, strict=True):
        layer = CostedLayer(traced.modules[one.module].path, _cost(traced, one, amount))
        found.append((one.calls[0].first_op, layer))
    found += _operators(traced, worked)
    found.sort(key=lambda pair: pair[0])
    last = [
        CostedLayer(name, CostTerms("Parameter", elements, 0, (), (), ()))
        for name, elements in loose.items()
    ]
    return (*[layer for _, layer in found], *last)


def _cost(traced: Trace, worked: WorkedModule, params: int) -> CostTerms:
    info, first = traced.modules[worked.module], worked.calls[0]
    macs = sum(call_macs(traced, call) for call in worked.calls)
    param_terms: Terms = ()
    mac_terms: Terms = ()
    if not worked.failure:
        param_terms = worked.workings[0].params
        mac_terms = worked.workings[0].macs
        if len(worked.calls) > 1:
            if all(w.macs == mac_terms for w in worked.workings):
                calls = Factor("calls", len(worked.calls))
                mac_terms = tuple(Term(t.what, (calls, *t.factors)) for t in mac_terms)
            else:
                mac_terms = tuple(t for w in worked.workings for t in w.macs)
    if sum(t.value for t in param_terms) != params:  # shared with an earlier layer
        param_terms = ()
    if sum(t.value for t in mac_terms) != macs:
        mac_terms = ()
    module: Any = info.module
    given = tuple(first.inputs[0].shape) if first.inputs else ()
    window = _window(module, given)
    dims = len(window.kernel) if window else 0
    channels = given[-dims - 1] if window and len(given) > dims else (given[-1] if given else 0)
    return CostTerms(
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
    kernel = each(kernel, dims)
    stride = each(module.stride if module.stride is not None else kernel, dims)
    dilation = each(getattr(module, "dilation", 1), dims)
    padding = module.padding
    if padding == "same":
        padding = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True))
    padding = (0,) * dims if padding == "valid" else each(padding, dims)
    return Window(tuple(given[-dims:]), kernel, stride, padding, dilation)


def _operators(traced: Trace, worked: list[WorkedModule]) -> list[tuple[int, CostedLayer]]:
    """Contractions outside every module with a hand formula, each with its place in `ops`."""
    found = []
    for operator in operators_outside(traced, worked):
        first = operator.places[0]
        output = tuple(traced.ops[first].signature.outputs[0].shape)
        name = f"{traced.modules[operator.module].path} [{operator.name}]"
        cost = CostTerms(operator.name, 0, operator.macs, (), (), output)
        found.append((first, CostedLayer(name, cost)))
    return found
