"""Whether all that an answer says is true, whatever part each number has in it.

People explain: they name the filters, a layer's weights, a block, what is left over, and the
total somewhere. Where the plain reading comes out wrong, an answer is right all the same if it
states the right total, each equation in it holds, and each number is something of the model that
its words may mean: the cost of layers that follow each other, of one kernel, weights or biases
alone, or a product of a layer's own sizes.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

from nincost._audit.labelled import labels_of
from nincost._audit.reading.expression import Claim, Node, rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._closed_form.cost_terms import CostedLayer, CostTerms, Quantity

_INCIDENTAL = 1_000  # a smaller number is a size, a number of filters, a year of the course
_MOST_LAYERS = 80
_COMPLETE = Fraction(1, 10)  # how near to the total the sum of all terms is
#: What a product of sizes may count.
_COUNTED = re.compile(
    r"^\W*(?:of\s)?(?:weights?|biase?s?|filters?|kernels?|positions?|pixels?|inputs?|values?|neurons?"
    r"|个?(?:权重|偏置|卷积核|核|位置|像素|输入|神经元))",
    re.IGNORECASE,
)
_MOST_FACTORS = 7


class Truths:
    """The amounts of a model: each value with the layers that it may be of."""

    def __init__(self, layers: tuple[CostedLayer, ...], what: Quantity) -> None:
        self.labels = labels_of(layers)
        self.amounts = [layer.cost.amount(what) for layer in layers]
        self.total = sum(self.amounts)
        self.places_of: dict[int, list[frozenset[int]]] = {}
        self.sizes = set[int]()
        costly = [place for place, amount in enumerate(self.amounts) if amount][:_MOST_LAYERS]
        for first in range(len(costly)):
            for last in range(first, len(costly)):
                self._add(costly[first : last + 1])
        kernels: dict[object, list[int]] = {}
        kinds: dict[CostTerms, list[int]] = {}
        for place in costly:
            cost = layers[place].cost
            kernels.setdefault(cost.window.kernel if cost.window else cost.type, []).append(place)
            kinds.setdefault(cost, []).append(place)
        for places in (*kernels.values(), *kinds.values()):
            self._add(places)
        for kind in kinds:
            for term in kind.terms(what):
                self._add_sizes([factor.value for factor in term.factors])
        self.sorted = sorted(self.places_of)

    def _add(self, places: Sequence[int]) -> None:
        value = sum(self.amounts[place] for place in places)
        self.places_of.setdefault(value, []).append(frozenset(places))

    def _add_sizes(self, factors: Sequence[int]) -> None:
        """What a layer's sizes multiply to: `54*54`, `5*5*96`."""
        for count in range(1, min(len(factors), _MOST_FACTORS) + 1):
            self.sizes.update(map(math.prod, itertools.combinations(factors, count)))

    def of(self, value: Fraction, unit: Fraction, label: str, after: str = "") -> bool:
        """Whether it may be true of what the label names, or of anything where it names nothing.

        A product of a layer's sizes is true only where it is said to be a number of something
        else: weights alone, written as a layer's cost, lack their biases.
        """
        named = frozenset(p for p in self.labels.places(label) if self.amounts[p])
        if value.denominator == 1 and int(value) in self.sizes and _COUNTED.search(after):
            return True
        low = bisect_left(self.sorted, value - unit)
        for one in itertools.islice(self.sorted, low, None):
            if one > value + unit:
                return False
            fits = stands_for(value, unit, Fraction(one))
            if fits and (not named or any(places <= named for places in self.places_of[one])):
                return True
        return False


@functools.lru_cache(maxsize=16)
def truths_of(layers: tuple[CostedLayer, ...], what: Quantity) -> Truths:
    return Truths(layers, what)


def stated_total(
    part: Part, layers: tuple[CostedLayer, ...], what: Quantity, single: tuple[CostedLayer, ...]
) -> Line | None:
    """The line with the right total, where everything in the part is true; else None.

    `single` are the layers at batch 1, of which an answer about a batch may speak, too.
    """
    known = [truths_of(layers, what)]
    known += [truths_of(single, what)] if single != layers else []
    found: Line | None = None
    sums = [*itertools.accumulate(line.node.value for line in reversed(part.lines))]
    near = abs(sums[-1] / max(known[0].total, 1) - 1) if len(sums) > 1 else Fraction(1)
    if near < _COMPLETE and known[0].total not in sums:
        return None  # all terms are there, and come to something else
    for line in (*part.lines, *part.remarks):
        node = line.node
        if not all(_holds(node, claim) for claim in line.claims):
            return None
        written = [(node.value, rounded_unit(node))]
        written += [(claim.value, claim.unit) for claim in line.claims]
        for value, unit in written:
            small = value < _INCIDENTAL and not unit and node.kind == "number"
            if small or any(one.of(value, unit, line.label, line.after) for one in known):
                continue
            return None
        for value, unit in written:
            if stands_for(value, unit, Fraction(known[0].total)):
                found = found or _alone(value, unit, node)
    for claim in part.claims:
        if not any(one.of(claim.value, claim.unit, "") for one in known):
            return None
        if claim.fits(Fraction(known[0].total)):
            found = found or _alone(claim.value, claim.unit, claim)
    return found


def _holds(node: Node, claim: Claim) -> bool:
    slack = sum((rounded_unit(one) for one in node.parts), rounded_unit(node))
    return claim.fits(node.value) or (
        bool(slack) and abs(claim.value - node.value) <= slack + claim.unit
    )


def _alone(value: Fraction, unit: Fraction, place: Node | Claim) -> Line:
    return Line("", Node("number", value, (), place.start, place.end, unit=unit))
