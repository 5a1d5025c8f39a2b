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
from nincost._audit.reading.words import says_about, says_total
from nincost._closed_form.cost_terms import CostedLayer, CostTerms, Quantity

_INCIDENTAL = 1_000  # a smaller number is a size, a number of filters, a year of the course
_LARGE = 10_000
_MOST_LAYERS = 80
_FEW_NAMED = 3  # numbers that are said of the total without all of them being listed
_COMPLETE = Fraction(1, 10)  # how near to the total the sum of all terms is
_MOST = Fraction(2, 5)  # the same where as many terms as half of the layers are listed
#: What a product of sizes may count.
_COUNTED = re.compile(
    r"^\W*(?:of\s)?(?:weights?|biase?s?|filters?|kernels?|positions?|pixels?|(?:in|out)puts?|values?"
    r"|neurons?|multipli\w+|products?|activations?|floats?"
    r"|个?(?:权重|偏置|卷积核|核|位置|像素|输入|输出|神经元|激活值|浮点数|数)|次(?:乘法|相乘))",
    re.IGNORECASE,
)
_MOST_FACTORS = 7
_AFTER = 40  # characters after a number that may say what it counts
#: The backward pass is twice the forward pass, and a step both.
_BACKWARD = re.compile(r"backward|反向|back-?prop", re.IGNORECASE)
_STEP = re.compile(
    r"train(?:ing)? step|full step|step of training|(?:per|a) step\b|训练步|一步|一次迭代|iteration"
    r"|forward (?:and|\+) backward|前向(?:加|和|\+)反向",
    re.IGNORECASE,
)


_COMPARES = re.compile(
    r"\b(?:less|fewer|more|drop|remov|without|instead|sav|than|only one|one 1x1|compared"
    r"|another|missed|forgot)"
    r"|去掉|减少?|降[到至]|少了?|多了?|相比|比|只留|换成",
    re.IGNORECASE,
)
#: `... of them in block 3`: what comes names the place of the number before it.
_PLACE = re.compile(
    r"\W*(?:(?:of (?:them|these|which)\s*)?(?:in|for|from|at)\b|在|来自)", re.IGNORECASE
)
_CLAUSE_END = re.compile(r"[,，。;；、)）\n]|\band\b|\.(?:\s|$)")


def _said_after(line: Line, text: str) -> str:
    """What is said after a number and its results, up to the next clause."""
    end = max([line.node.end, *(claim.end for claim in line.claims)])
    after = text[end : end + _AFTER]
    stop = _CLAUSE_END.search(after)
    return after[: stop.start()] if stop else after


def is_true(
    line: Line, text: str, layers: tuple[CostedLayer, ...], what: Quantity,
    single: tuple[CostedLayer, ...], *, followed: bool = False,
) -> bool:  # fmt: skip
    """Whether what a line says is true of the model, or is a product of a layer's sizes."""
    node, after = line.node, _said_after(line, text)
    if not all(_holds(node, claim) for claim in line.claims):
        return False
    whole = node.value.denominator == 1
    for one in {id(t): t for t in (truths_of(layers, what), truths_of(single, what))}.values():
        unit = roughly(line) or rounded_unit(node)
        if one.of(node.value, unit, line.label, after, followed=followed):
            return True
        if whole and node.kind in ("product", "power") and int(node.value) in one.sizes:
            return True
    return whole and node.kind == "number" and node.value < _INCIDENTAL and not node.unit


def compares(text: str) -> bool:
    """Whether it compares the model with another one."""
    return bool(_COMPARES.search(text))


def said_times(words: str) -> tuple[int, ...]:
    """How many forward passes a number with these words is."""
    if _BACKWARD.search(words):
        return 1, 2, 3
    return (1, 3) if _STEP.search(words) else (1,)


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

    def of(
        self,
        value: Fraction,
        unit: Fraction,
        label: str,
        after: str = "",
        *,
        followed: bool = False,
    ) -> bool:
        """Whether it may be true of what the label names, or of anything where it names nothing.

        A product of a layer's sizes is true only where it is said to be a number of something
        else: weights alone, written as a layer's cost, lack their biases.
        """
        places = self.labels.may_mean(label) or (self.labels.next_block(label) if followed else ())
        if not places and _PLACE.match(after):  # `11,712 in the first conv`
            places = self.labels.may_mean(after)
        named = frozenset(p for p in places if self.amounts[p])
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
    part: Part, layers: tuple[CostedLayer, ...], what: Quantity, single: tuple[CostedLayer, ...],
    others: tuple[int, ...] = (),
) -> Line | None:  # fmt: skip
    """The line with the right total, where everything in the part is true; else None.

    `single` are the layers at batch 1, of which an answer about a batch may speak, too; `others`
    the totals of models that it may compare this one with: `from 1.99M to 1.77M, 0.22M less`.
    """
    known = [truths_of(layers, what)]
    known += [truths_of(single, what)] if single != layers else []
    found: Line | None = None
    total = Fraction(known[0].total)
    whole_step = bool(_BACKWARD.search(part.text) and re.search(r"forward|前向", part.text))
    followed = False  # whether a block was named, so that `the second` is one
    for line in (*part.lines, *part.remarks):
        node = line.node
        if not all(_holds(node, claim) for claim in line.claims):
            return None
        after = _said_after(line, part.text)
        followed = followed or len(known[0].labels.places(line.label)) > 1
        times = said_times(f"{line.label} {after}")
        if whole_step and (says_total(line.label) or "together" in line.label):
            times = (*times, 3)  # `forward 0.76, backward 1.5, together 2.3`
        written = [(node.value, roughly(line) or rounded_unit(node))]
        written += [(claim.value, claim.unit) for claim in line.claims]
        for value, unit in written:
            small = value < _INCIDENTAL and not unit and node.kind == "number"
            if (
                small
                or _is_of_others(value, unit, others, total)
                or any(
                    (more == 1 or stands_for(value / more, unit / more, Fraction(one.total)))
                    and one.of(value / more, unit / more, line.label, after, followed=followed)
                    for one in known
                    for more in times
                )
            ):
                continue
            return None
        for value, unit in written:
            more = next((n for n in times if stands_for(value / n, unit / n, total)), 0)
            if more:
                found = found or _alone(value / more, unit / more, node)
    times = said_times(part.lines[0].label) if len(part.lines) == 1 else (1,)
    for claim in part.claims:
        ways = [(claim.value / more, claim.unit / more) for more in times]
        if not any(one.of(value, unit, "") for one in known for value, unit in ways):
            return None
        if claim.strict and not claim.fits(total):
            return None
        for value, unit in ways:
            if stands_for(value, unit, total):
                found = found or _alone(value, unit, claim)
    return found


def _is_of_others(
    value: Fraction, unit: Fraction, others: tuple[int, ...], total: Fraction
) -> bool:
    """Whether it is another model's total, or by how much that differs."""
    return any(
        stands_for(value, unit, one)
        for other in others
        for one in (Fraction(other), abs(total - other))
    )


def all_true(part: Part, layers: tuple[CostedLayer, ...], what: Quantity) -> bool:
    """Whether each number in it is the cost of layers that its words may mean, and no other."""
    known = truths_of(layers, what)
    lines = [
        one for one in (*part.lines, *part.remarks)
        if one.node.kind != "number" or one.node.value >= _INCIDENTAL
    ]  # fmt: skip
    for line in lines:
        after = _said_after(line, part.text)
        written = [(line.node.value, rounded_unit(line.node))]
        written += [(claim.value, claim.unit) for claim in line.claims]
        if not all(known.of(value, unit, line.label, after) for value, unit in written):
            return False
    return len(lines) > 1 and all(known.of(one.value, one.unit, "") for one in part.claims)


def all_true_with_total(part: Part, layers: tuple[CostedLayer, ...], what: Quantity) -> Line | None:
    """The right total, where all is true, each equation holds and the total is said last.

    How the numbers before it go together does not matter then: what else could be wrong?
    """
    if not part.claims:
        return None
    total, last = Fraction(truths_of(layers, what).total), part.claims[-1]
    subtotals = {claim.value for claim in part.claims[:-1]} - {total}
    if sum(subtotals) != total and lists_other(part, layers, what):
        return None
    followed = False  # whether a block was named, so that `the second` is one
    known = truths_of(layers, what)
    for line in part.lines:
        followed = followed or len(known.labels.places(line.label)) > 1
        if line.node.value >= _INCIDENTAL and not known.of(
            line.node.value, rounded_unit(line.node), line.label, followed=followed
        ):
            return None
    later = any(line.node.start > last.start for line in part.lines)
    exact = last.value == total and not last.unit and total >= _LARGE
    if later or not exact or not all_true(part, layers, what):
        return None
    if not all(_holds(line.node, claim) for line in part.lines for claim in line.claims):
        return None
    return _alone(last.value, last.unit, last)


def roughly(line: Line) -> Fraction:
    """What the last digit is worth of a number that is said to be about right, `大约200万`.

    Zeros at its end are no digits, but for the second one. 0 of any other.
    """
    node = line.node
    if node.kind != "number" or node.value.denominator != 1 or not is_about(line):
        return Fraction(0)
    whole = str(node.value.numerator)
    zeros = min(len(whole) - len(whole.rstrip("0")), len(whole) - 2)
    return max(node.unit, Fraction(10) ** zeros) if zeros > 0 else Fraction(0)


def is_about(line: Line) -> bool:
    """Whether the words beside a number say that it is about right."""
    return says_about(f"{line.label[-12:]} {line.after[:6]}")


def lists_other(part: Part, layers: tuple[CostedLayer, ...], what: Quantity) -> bool:
    """Whether the terms beside the total are all, or most layers', and come to something else."""
    known = truths_of(layers, what)
    total = Fraction(known.total)
    rest = [
        one for one in part.lines if not stands_for(one.node.value, rounded_unit(one.node), total)
    ]
    if rest and rest[-1] is part.lines[-1] and part.lines[0] not in rest:
        whole = sum((one.node.value for one in rest), Fraction(0))
        named = all(known.labels.places(one.label) for one in rest)
        if whole < total and (named or len(rest) <= _FEW_NAMED):
            return False  # `1,992,166 parameters, 1,180,800 of them in block 3`
    sums = [*itertools.accumulate(one.node.value for one in reversed(rest))]
    if len(sums) < 2 or not total:
        return False
    slack = sum((rounded_unit(one.node) for one in rest), Fraction(0))
    sums.append(sums[-1] + sum(one.node.value for one in part.remarks))
    if any(abs(one - total) <= slack for one in sums):
        return False
    costly = sum(1 for amount in known.amounts if amount)
    near = _COMPLETE if 2 * len(rest) < costly else _MOST
    return abs(sums[-2] / total - 1) < near


def _holds(node: Node, claim: Claim) -> bool:
    slack = sum((rounded_unit(one) for one in node.parts), rounded_unit(node))
    return claim.fits(node.value) or (
        bool(slack) and abs(claim.value - node.value) <= slack + claim.unit
    )


def _alone(value: Fraction, unit: Fraction, place: Node | Claim) -> Line:
    return Line("", Node("number", value, (), place.start, place.end, unit=unit))
