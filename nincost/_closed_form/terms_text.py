"""Terms written as a person would write them: with symbols, or with the numbers put in."""

from __future__ import annotations

from collections.abc import Sequence

from nincost._closed_form.terms import Factor, Terms

#: Factors stand in this order, others after them.
_ORDER = ("calls", "2", "N", "rows", "out", "C_out", "k", "C_in")


def terms_text(terms: Terms, *, symbols: bool = False) -> str:
    """The terms as a sum, weights and biases with their common factor in front.

    `96*(11*11*1+1)`, or `C_out*(k_h*k_w*C_in+1)` with `symbols`."""
    if len(terms) == 2 and terms[1].what == "biases" and len(terms[1].factors) == 1:
        shared = terms[1].factors[0]
        rest = [f for f in terms[0].factors if f.symbol != shared.symbol]
        if 0 < len(rest) < len(terms[0].factors):
            inner = _product(rest, symbols)
            return f"{_name(shared, symbols)}*({inner}+1)"
    return " + ".join(_product(term.factors, symbols) for term in terms)


def _product(factors: Sequence[Factor], symbols: bool) -> str:
    kept = [f for f in factors if not (f.symbol in ("N", "rows", "calls") and f.value == 1)]
    kept.sort(key=_rank)
    return "*".join(_name(factor, symbols) for factor in kept) or "1"


def _rank(factor: Factor) -> int:
    for rank, prefix in enumerate(_ORDER):
        if factor.symbol == prefix or (
            prefix in ("out", "k", "C_in", "C_out") and factor.symbol.startswith(f"{prefix}_")
        ):
            return rank
        if factor.symbol.startswith(f"{prefix}/"):
            return rank
    return len(_ORDER)


#: Numbers that a formula has as numbers, and another word for the batch.
_CONSTANTS = {"two": "2", "three": "3", "rows": "N"}


def _name(factor: Factor, symbols: bool) -> str:
    if not symbols:
        return str(factor.value)
    symbol = _CONSTANTS.get(factor.symbol, factor.symbol)
    for axis in "dhw":
        symbol = {f"out_{axis}": f"{axis.upper()}_out", f"in_{axis}": f"{axis.upper()}_in"}.get(
            symbol, symbol
        )
    return f"({symbol})" if "/" in symbol else symbol
