"""A model's layers in groups of equal cost, and every value that a group's cost may have."""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from nincost._audit.carried_sizes import carried_sizes
from nincost._audit.interpretations import (
    Interpretation,
    interpretations,
    of_carried_sizes,
    with_digits_swapped,
)
from nincost._audit.mistakes import Question
from nincost._audit.reading.expression import stands_for
from nincost._audit.weights import Weights
from nincost._closed_form.cost_terms import CostedLayer, CostTerms
from nincost._isolation import collection_paused

_MOST_IN_SUMS = 64  # layers of which every run's sum is listed
_MOST_ROUNDED = 5  # amounts that a rounded number is tried as
_MOST_TRIED = 400


class LayerGroups:
    """The layers of a model; those with equal `CostTerms` are one group, which goes by its number.

    Attributes:
        layers: in order of execution; a layer goes by its place here.
        amounts: what each layer costs of the quantity asked for.
        place_of: the place of each layer by its name.
        group_of: the group of each layer.
        costs, totals: of each group, the terms and the amount of one of its layers.
        places: of each group, the places of its layers.
        of_amount: the groups of which a layer costs so much; none for 0.
        carried: of each place, the output sizes that a misreading further up leads to.
        most_alike: how many layers cost the same, at most.
    """

    def __init__(
        self,
        layers: Sequence[CostedLayer],
        question: Question,
        weights: Weights,
        model: Sequence[CostedLayer],
    ) -> None:
        self.layers = layers
        self.question = question
        self._weights = weights
        self.amounts = [layer.cost.amount(question.what) for layer in layers]
        self.place_of = {layer.name: place for place, layer in enumerate(layers)}
        numbers: dict[CostTerms, int] = {}
        self.group_of = [numbers.setdefault(layer.cost, len(numbers)) for layer in layers]
        self.costs = list(numbers)
        self.totals = [cost.amount(question.what) for cost in self.costs]
        self.places: list[list[int]] = [[] for _ in self.costs]
        for place, group in enumerate(self.group_of):
            self.places[group].append(place)
        self.of_amount: dict[int, list[int]] = {}
        for group, amount in enumerate(self.totals):
            if amount:
                self.of_amount.setdefault(amount, []).append(group)
        carried = carried_sizes(model)
        self.carried = {
            self.place_of[one.name]: carried[place]
            for place, one in enumerate(model)
            if place in carried and one.name in self.place_of
        }
        self.most_alike = max(Counter(a for a in self.amounts if a).values(), default=1)

    def interpretations_of(self, value: Fraction) -> Mapping[int, list[Interpretation]]:
        """The groups whose cost a value may be, each with its interpretations, right or wrong."""
        if value.denominator != 1:
            return {}
        return self._by_value.get(value.numerator, {})

    @functools.cached_property
    def _by_value(self) -> dict[int, dict[int, list[Interpretation]]]:
        """Made when first needed: a right answer does without."""
        found: dict[int, dict[int, list[Interpretation]]] = {}

        def add(group: int, ones: Iterable[Interpretation]) -> None:
            for one in ones:
                known = found.setdefault(one.value, {}).setdefault(group, [])
                if all(k.mistakes != one.mistakes for k in known):
                    known.append(one)

        with collection_paused():  # a collection takes as long as all of it
            for group, cost in enumerate(self.costs):
                add(group, interpretations(cost, self.question, self._weights))
                add(group, with_digits_swapped(self.totals[group]))
        if self.question.what != "params":
            for place, sizes in self.carried.items():
                group = self.group_of[place]
                if self.totals[group] and self.costs[group].window:
                    add(group, of_carried_sizes(self.costs[group], self.question, sizes))
        return found

    @functools.cached_property
    def _values(self) -> list[int]:
        return sorted(self._by_value)

    @functools.cached_property
    def _sums(self) -> list[tuple[int, float]]:
        """What several layers cost together: those that follow each other, those of a kernel."""
        found: dict[int, float] = {}
        costly = [amount for amount in self.amounts if amount]
        longest = len(costly) if len(costly) <= _MOST_IN_SUMS else 4
        for first in range(len(costly)):
            total = costly[first]
            for last in range(first + 1, min(len(costly), first + longest)):
                total += costly[last]
                found.setdefault(total, 0.02 * (last - first))
        kernels: dict[tuple[int, ...], int] = {}
        for place, layer in enumerate(self.layers):
            if layer.cost.window and self.amounts[place]:
                kernel = layer.cost.window.kernel
                kernels[kernel] = kernels.get(kernel, 0) + self.amounts[place]
        for total in kernels.values():
            found.setdefault(total, 0.1)
        return sorted(found.items(), key=lambda pair: pair[1])

    @functools.cached_property
    def run_sums(self) -> frozenset[int]:
        """What layers that follow each other, or of one kernel, cost together."""
        return frozenset(total for total, _ in self._sums)

    def rounded(self, value: Fraction, unit: Fraction) -> list[int]:
        """What a rounded number may stand for, the likeliest first: right amounts, then wrong."""
        found: dict[int, float] = {}
        for amount in self.of_amount:
            if stands_for(value, unit, Fraction(amount)):
                found[amount] = 0.0
        for total, penalty in self._sums:
            if stands_for(value, unit, Fraction(total)):
                found.setdefault(total, 0.01 + penalty)
        if len(found) < _MOST_ROUNDED:
            wrong: list[tuple[float, int]] = []
            low, high = math.floor(value - unit), math.ceil(value + unit)
            for at in range(bisect_left(self._values, low), len(self._values)):
                one = self._values[at]
                if one > high or len(wrong) > _MOST_TRIED:
                    break
                if stands_for(value, unit, Fraction(one)):
                    ones = [i for own in self._by_value[one].values() for i in own]
                    wrong.append((min(i.penalty for i in ones), one))
            for penalty, one in sorted(wrong)[:_MOST_ROUNDED]:
                found.setdefault(one, 1.0 + penalty)
        return sorted(found, key=lambda one: found[one])[:_MOST_ROUNDED]
