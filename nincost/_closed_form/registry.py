"""The hand formulas by module type: each is registered beside its definition in `formulas/`.

No formula looks at a trace: the formulas and the trace check each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nincost._closed_form.terms import Terms

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Working:
    """What a layer's hyper-parameters and input size say that it costs, for one call.

    Attributes:
        params: terms that add up to its parameters.
        macs: terms that add up to its multiply-accumulates.
        output_shape: of its first output.
    """

    params: Terms
    macs: Terms
    output_shape: tuple[int, ...]

    @property
    def param_count(self) -> int:
        return sum(part.value for part in self.params)

    @property
    def mac_count(self) -> int:
        return sum(part.value for part in self.macs)


Shapes = tuple[tuple[int, ...], ...]
HandFormula = Callable[[Any, Shapes], Working]
F = TypeVar("F", bound=HandFormula)

_FORMULAS: dict[type, HandFormula] = {}


def by_hand(*types: type[nn.Module]) -> Callable[[F], F]:
    """Register a formula for module types: a function of the module and its inputs' shapes."""

    def keep(formula: F) -> F:
        for kind in types:
            _FORMULAS[kind] = formula
        return formula

    return keep


def formula_for(module: nn.Module) -> HandFormula | None:
    """The formula for a module's type, or for a base whose `forward` it has not replaced.

    None where `weight` is made from other parameters (weight norm, pruning, parametrizations).
    """
    if "parametrizations" in module._modules or "weight" in module.__dict__:
        return None
    kind = type(module)
    for base in kind.__mro__:
        if base in _FORMULAS:
            return _FORMULAS[base] if kind.forward is base.forward else None  # type: ignore[attr-defined]
    return None
