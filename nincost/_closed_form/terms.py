"""A hand calculation as data: sums of products, each factor with its symbol and its number."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factor:
    """One symbol of a formula and the number that it stands for, such as `C_in` and 96."""

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
    def symbols(self) -> str:
        return "*".join(factor.symbol for factor in self.factors)

    @property
    def numbers(self) -> str:
        return "*".join(str(factor.value) for factor in self.factors)


def term(what: str, **factors: int) -> Term:
    """A `Term` from keywords: `term("weights", C_out=96, C_in=1)`."""
    return Term(what, tuple(Factor(symbol, value) for symbol, value in factors.items()))


#: A sum of products.
Terms = tuple[Term, ...]
