"""A layer's cost, and a whole model's, written as a person would write it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nincost._closed_form.working import Factor, Term
from nincost._explain.cost_terms import NamedSheet, Sheet, Terms, What

_ORDER = ("calls", "2", "N", "rows", "out", "C_out", "k", "C_in")


def layer_text(sheet: Sheet, what: What) -> str:
    """`96*(11*11*1+1)` for parameters, `54*54*96*11*11*1` for MACs."""
    return terms_text(sheet.terms(what)) or str(sheet.amount(what))


def terms_text(terms: Terms, *, letters: bool = False) -> str:
    """The terms as a sum, with the outputs' factor in front of a weights-and-bias pair."""
    if len(terms) == 2 and terms[1].what == "biases" and len(terms[1].factors) == 1:
        shared = terms[1].factors[0]
        rest = [f for f in terms[0].factors if f.symbol != shared.symbol]
        if 0 < len(rest) < len(terms[0].factors):
            inner = _product(rest, letters)
            return f"{_name(shared, letters)}*({inner}+1)"
    return " + ".join(_product(term.factors, letters) for term in terms)


def whole_text(layers: Sequence[NamedSheet], what: What) -> str:
    """All layers that cost something, in order; equal ones that follow each other as `(...)*2`."""
    texts = [layer_text(n.sheet, what) for n in layers if n.sheet.amount(what)]
    grouped = []
    for text, same in groupby(texts):
        count = len(list(same))
        grouped.append(f"({text})*{count}" if count > 1 else text)
    return " + ".join(grouped)


def letters_and_numbers(terms: Terms) -> tuple[str, str]:
    """The formula twice: with letters, and with the numbers put in."""
    return terms_text(terms, letters=True), terms_text(terms)


def _product(factors: Sequence[Factor], letters: bool) -> str:
    kept = [f for f in factors if not (f.symbol in ("N", "rows", "calls") and f.value == 1)]
    kept.sort(key=_rank)
    return "*".join(_name(factor, letters) for factor in kept) or "1"


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


def _name(factor: Factor, letters: bool) -> str:
    if not letters:
        return str(factor.value)
    symbol = _CONSTANTS.get(factor.symbol, factor.symbol)
    for axis in "dhw":
        symbol = {f"out_{axis}": f"{axis.upper()}_out", f"in_{axis}": f"{axis.upper()}_in"}.get(
            symbol, symbol
        )
    return f"({symbol})" if "/" in symbol else symbol


def single(term: Term) -> str:
    """One product with its numbers."""
    return _product(term.factors, letters=False)
