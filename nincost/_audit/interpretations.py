"""Every way to interpret a number as a layer's cost: right, or wrong by one mistake or by two."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from nincost._audit import channel_mistakes
from nincost._audit.carried_sizes import CarriedSize
from nincost._audit.costs_nothing import counted_for_nothing
from nincost._audit.mistakes import MISTAKE_KINDS, Question, renamed, size_names
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
    "rounded-up": "rounded up instead of down",
    "rounded-down": "rounded down instead of up",
    "digits-swapped": "digits swapped",
    "layers-swapped": "layers swapped",
    "other-variant": "another variant's total",
    "unit": "a power of ten or a unit",
    "arithmetic": "arithmetic",
    "bytes-forgotten": "values counted, not bytes",
    "size-not-squared": "output size not squared",
    "share-wrong": "another share",
    "follows": "follows from another mistake",
    "bits-for-bytes": "bits taken for bytes",
    "bytes-per-value": "another number of bytes for each value",
    "optimizer-state": "the optimizer's state",
    "activations-missing": "activations missing",
    "gradients-missing": "gradients missing",
    "activations-for-parameters": "activations counted as parameters",
    "operations-for-memory": "operations taken for memory",
    "inference-like-training": "inference counted as training",
    "backward-once": "the backward pass counted as one forward pass",
    "memory-claim": "what one layer takes",
    "stride-forgotten": "strides left out",
    "pool-forgotten": "pools left out",
}
assert channel_mistakes.__doc__  # imported so that its mistakes are known

#: How unlikely sizes that follow from a misreading further up are, and two swapped digits.
_CARRIED, _SWAPPED = 1.2, 1.6


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
    # Lists, and no generators: it is asked some 10,000 times for a model.
    factors = [tuple(sorted([f.value for f in t.factors if f.value != 1])) for t in terms]
    return tuple(sorted(factors)) if len(factors) > 1 else tuple(factors)


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


def of_carried_sizes(
    cost: CostTerms, question: Question, sizes: list[CarriedSize]
) -> list[Interpretation]:
    """A layer's work with an output size that a mistake further up leads to."""
    found = []
    for one in sizes:
        values = dict(zip(size_names(len(one.size)), one.size, strict=True))
        terms = tuple(renamed(t, values) for t in cost.terms(question.what))
        mistake = Mistake(one.key, one.words)
        value = sum(term.value for term in terms)
        found.append(Interpretation(value, products_of(terms), (mistake,), _CARRIED))
    return found


def with_digits_swapped(amount: int) -> list[Interpretation]:
    """A number with two neighbouring digits the wrong way round."""
    digits = str(amount) if amount > 0 else ""
    found = []
    for at in range(len(digits) - 1):
        one, two = digits[at], digits[at + 1]
        if one != two and len(digits) > 2 and not (at == 0 and two == "0"):
            value = int(f"{digits[:at]}{two}{one}{digits[at + 2 :]}")
            words = f"{value:,} where {amount:,} should be: two digits are swapped"
            found.append(Interpretation(value, (), (Mistake("digits-swapped", words),), _SWAPPED))
    return found


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
