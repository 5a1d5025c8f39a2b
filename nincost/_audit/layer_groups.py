"""A model's layers in groups of equal cost, and every value that a group's cost may have."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from nincost._audit.interpretations import Interpretation, interpretations
from nincost._audit.mistakes import Question
from nincost._audit.weights import Weights
from nincost._closed_form.cost_terms import CostedLayer, CostTerms


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
        most_alike: how many layers cost the same, at most.
    """

    def __init__(self, layers: Sequence[CostedLayer], question: Question, weights: Weights) -> None:
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
        for group, cost in enumerate(self.costs):
            for one in interpretations(cost, self.question, self._weights):
                found.setdefault(one.value, {}).setdefault(group, []).append(one)
        return found
