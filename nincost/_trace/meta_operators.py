"""What a recorder may know of operators on meta tensors, besides torch's own meta kernels.

`nincost._devices` has these facts, for each device; with `NO_OPERATORS` a recorder asks torch's
kernels about everything, which is slower, and differs from real kernels where theirs do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nincost._trace.records import TensorMeta

#: Of an operator's outputs; None for one that it leaves out, such as a gradient nobody wants.
Layouts = Sequence[TensorMeta | None]

#: Gets the operator's own arguments; gives its outputs' layouts (a list where the operator returns
#: a list), or None where a kernel must say.
Layout = Callable[..., Layouts | None]

#: Gets the operator's own arguments; whether the result is the first of them (or nothing, where the
#: operator returns nothing), with no need to run a kernel.
InPlace = Callable[..., bool]

#: Gets the operator's own arguments; raises RuntimeError where real kernels do and meta's do not.
Refusal = Callable[..., None]

#: Gets the meta kernel's result, then the operator's own arguments; gives the result as real
#: kernels lay it out.
Correction = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class MetaOperator:
    """What is known of one operator; each field is None where nothing is."""

    layout: Layout | None = None
    in_place: InPlace | None = None
    refusal: Refusal | None = None
    correction: Correction | None = None


#: By name with an overload (`aten.add.Scalar`), or without one for all of its overloads.
MetaOperators = Mapping[str, MetaOperator]

NO_OPERATORS: MetaOperators = MappingProxyType({})

_UNKNOWN = MetaOperator()


def find_operator(known: MetaOperators, func: Any) -> MetaOperator:
    """What is known of an `OpOverload`: of the overload itself, then of its operator."""
    overload = str(func)
    exact = known.get(overload, _UNKNOWN)
    general = known.get(overload.rpartition(".")[0], _UNKNOWN)
    return MetaOperator(
        layout=exact.layout or general.layout,
        in_place=exact.in_place or general.in_place,
        refusal=exact.refusal or general.refusal,
        correction=exact.correction or general.correction,
    )
