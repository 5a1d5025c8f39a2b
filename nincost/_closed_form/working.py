"""A hand calculation as data: sums of products, each factor with its letter and its number.

Nothing here or beside it looks at a trace: the hand formulas and the trace check each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Factor:
    """One letter of a formula and the number that it stands for, such as `C_in` and 96."""

    symbol: str
    value: int


@dataclass(frozen=True, slots=True)
class Term:
    """A product. `what` says what it counts: `weights`, `biases`, `convolution`, ..."""

    what: str
    factors: tuple[Factor, ...]

    @property
    def value(self) -> int:
        return math.prod(factor.value for factor in self.factors)

    @property
    def letters(self) -> str:
        return "*".join(factor.symbol for factor in self.factors)

    @property
    def numbers(self) -> str:
        return "*".join(str(factor.value) for factor in self.factors)


def term(what: str, **factors: int) -> Term:
    """A `Term` from keywords: `term("weights", C_out=96, C_in=1)`."""
    return Term(what, tuple(Factor(symbol, value) for symbol, value in factors.items()))


@dataclass(frozen=True, slots=True)
class Working:
    """What a layer's hyper-parameters and input size say that it costs, for one call.

    Attributes:
        params: terms that add up to its parameters.
        macs: terms that add up to its multiply-accumulates.
        output_shape: of its first output.
    """

    params: tuple[Term, ...]
    macs: tuple[Term, ...]
    output_shape: tuple[int, ...]

    @property
    def param_count(self) -> int:
        return sum(part.value for part in self.params)

    @property
    def mac_count(self) -> int:
        return sum(part.value for part in self.macs)


Shapes = tuple[tuple[int, ...], ...]
Formula = Callable[[Any, Shapes], Working]
F = TypeVar("F", bound=Formula)

_FORMULAS: dict[type, Formula] = {}


def by_hand(*types: type[nn.Module]) -> Callable[[F], F]:
    """Register a formula for module types: a function of the module and its inputs' shapes."""

    def keep(formula: F) -> F:
        for kind in types:
            _FORMULAS[kind] = formula
        return formula

    return keep


def formula_for(module: nn.Module) -> Formula | None:
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
