"""Every way to interpret a number as a layer's cost: right, or wrong by one mistake or by two."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from nincost._audit.costs_nothing import counted_for_nothing
from nincost._audit.mistakes import MISTAKE_KINDS, Question
from nincost._audit.weights import Weights
from nincost._closed_form.cost_terms import CostTerms
from nincost._closed_form.terms import Terms

#: A product's factors without ones, in order; a sum of products as a sorted tuple of them.
Products = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in an answer: its key, as in JSON, and a few words on what was done."""

    key: str
    detail: str

    @property
    def title(self) -> str:
        return _TITLES.get(self.key) or MISTAKE_KINDS[self.key].title


#: Mistakes that are not made within a term of a layer that costs something.
_TITLES = {
    "missing": "layer missing",
    "twice": "layer counted twice",
    "costs-nothing": "pooling, activation or dropout counted",
    "factor-misread": "a factor misread",
    "unexplained": "not explained",
    "unknown": "belongs to no layer",
}


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How a value may be a layer's cost.

    Attributes:
        value: that somebody may write.
        products: its factors; empty where they do not matter.
        mistakes: that lead to it, none where it is right.
        penalty: how unlikely it is, on the scale of `weights.py`.
    """

    value: int
    products: Products
    mistakes: tuple[Mistake, ...]
    penalty: float


def right(value: int, products: Products = ()) -> Interpretation:
    """The interpretation of a value that is as it should be."""
    return Interpretation(value, products, (), 0.0)


def products_of(terms: Terms) -> Products:
    """The terms' factors in canonical order, ones left out."""
    return tuple(sorted(tuple(sorted(f.value for f in t.factors if f.value != 1)) for t in terms))


def longest(products: Products) -> tuple[int, ...]:
    """The product with the most factors: the weights, say, and not the biases."""
    best: tuple[int, ...] = ()
    for factors in products:
        if len(factors) > len(best):
            best = factors
    return best


@functools.lru_cache(maxsize=4096)
def interpretations(
    cost: CostTerms, question: Question, weights: Weights
) -> tuple[Interpretation, ...]:
    """All interpretations of a layer's cost, the right one first, then from likely to unlikely."""
    amount = cost.amount(question.what)
    if not amount:
        return _of_nothing(cost, question)
    terms = cost.terms(question.what)
    if not terms:
        return (right(amount),)
    as_it_should_be = right(amount, products_of(terms))
    found = {(amount, as_it_should_be.products): as_it_should_be}
    kinds = [kind for kind in MISTAKE_KINDS.values() if question.what in kind.quantities]
    singles: list[tuple[Terms, Mistake, float]] = []
    for kind in kinds:
        for wrong, detail in kind.make(cost, terms, question):
            singles.append((wrong, Mistake(kind.key, detail), kind.penalty))
    for wrong, mistake, penalty in singles:
        _keep(found, wrong, (mistake,), penalty)
    for wrong, mistake, penalty in singles:
        for kind in kinds:
            if kind.key == mistake.key:
                continue
            for worse, detail in kind.make(cost, wrong, question):
                both = (mistake, Mistake(kind.key, detail))
                _keep(found, worse, both, penalty + kind.penalty + weights.second_mistake)
    return tuple(sorted(found.values(), key=lambda one: one.penalty))


def _keep(
    found: dict[tuple[int, Products], Interpretation],
    terms: Terms,
    mistakes: tuple[Mistake, ...],
    penalty: float,
) -> None:
    """Add an interpretation, unless a likelier one has the same value and factors."""
    products = products_of(terms)
    value = sum(term.value for term in terms)
    known = found.get((value, products))
    if known is None or known.penalty > penalty:
        found[value, products] = Interpretation(value, products, mistakes, penalty)


def _of_nothing(cost: CostTerms, question: Question) -> tuple[Interpretation, ...]:
    asked = "parameters" if question.what == "params" else "MACs"
    mistake = (Mistake("costs-nothing", f"{cost.type} has no {asked}"),)
    return tuple(
        Interpretation(term.value, products_of((term,)), mistake, penalty)
        for term, penalty in counted_for_nothing(cost, question.what)
    )
