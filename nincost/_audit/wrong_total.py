"""What may have led to a wrong total of which nothing but the number is known."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain

from nincost._audit.carried_sizes import carried_sizes
from nincost._audit.interpretations import (
    Interpretation,
    Mistake,
    interpretations,
    of_carried_sizes,
    with_digits_swapped,
)
from nincost._audit.mistakes import MISTAKE_KINDS, Question
from nincost._audit.reading.expression import stands_for
from nincost._audit.results import Explanation
from nincost._audit.weights import Weights
from nincost._closed_form.cost_terms import QUANTITIES, CostedLayer

_MOST = 3

#: The names of models that this one may be confused with, and what they cost.
OtherTotals = Callable[[], Sequence[tuple[str, int]]]


def explain_total(
    value: Fraction,
    unit: Fraction,
    layers: Sequence[CostedLayer],
    question: Question,
    weights: Weights,
    other_totals: OtherTotals | None = None,
) -> tuple[Explanation, ...]:
    """Mistakes in all layers, in all layers of one kernel size, or in one, that give this total.

    `unit` is what the last digit of the total is worth where it was rounded, else 0. At most three
    explanations come back, the likeliest first.
    """
    found: dict[tuple[str, ...], tuple[float, Explanation]] = {}
    candidates = chain(
        _known_candidates(tuple(layers), question, weights),
        _of_others(other_totals),
    )
    for total, mistake, penalty in candidates:
        if value == total or (unit and stands_for(value, unit, Fraction(total))):
            key = (mistake.key, mistake.detail)
            if key not in found or found[key][0] > penalty:
                found[key] = (penalty, Explanation((mistake,)))
    best = sorted(found.values(), key=lambda pair: pair[0])
    return tuple(explanation for _, explanation in best[:_MOST])


@functools.lru_cache(maxsize=32)
def _known_candidates(
    layers: tuple[CostedLayer, ...], question: Question, weights: Weights
) -> tuple[tuple[int, Mistake, float], ...]:
    """What follows from the layers alone, listed once."""
    return (*_candidates(layers, question, weights), *_of_the_number(layers, question))


def _candidates(
    layers: Sequence[CostedLayer], question: Question, weights: Weights
) -> Iterator[tuple[int, Mistake, float]]:
    """Totals with one kind of mistake in them, each with its penalty."""
    what = question.what
    right = sum(layer.cost.amount(what) for layer in layers)
    for words, group, penalty in _groups(layers, weights):
        amount = sum(layer.cost.amount(what) for layer in group)
        for key, kind in MISTAKE_KINDS.items():
            # A kind may be made in several ways (a batch of 64, of 128): one way for all layers.
            ways = [_with_mistake(layer, key, question, weights) for layer in group]
            for place in range(max(map(len, ways), default=0)):
                total, detail = right, ""
                for layer, own in zip(group, ways, strict=True):
                    if own and layer.cost.amount(what):
                        one = own[min(place, len(own) - 1)]
                        total += one.value - layer.cost.amount(what)
                        detail = one.mistakes[0].detail
                alone = len(group) == 1 or key in ("batch-counted", "batch-missing", "factor-two")
                shown = f"{words}: {detail}" if alone and detail else words
                yield total, Mistake(key, shown), kind.penalty + penalty
        if amount:
            off = weights.total_one_layer_off + penalty
            yield right - amount, Mistake("missing", words), off
            yield right + amount, Mistake("twice", words), off


def _of_others(other_totals: OtherTotals | None) -> Iterator[tuple[int, Mistake, float]]:
    """The totals of models that this one may be confused with."""
    for name, total in other_totals() if other_totals else ():
        yield total, Mistake("other-variant", f"{total:,} is the total of {name}"), 0.8


def _of_the_number(
    layers: Sequence[CostedLayer], question: Question
) -> Iterator[tuple[int, Mistake, float]]:
    """The right total written wrongly, and totals by sizes that a misreading leads to."""
    right = sum(layer.cost.amount(question.what) for layer in layers)
    for one in with_digits_swapped(right):
        yield one.value, one.mistakes[0], 0.9
    for power in (1, 2, 3, 4, 6):
        for value in (right * 10**power, right // 10**power):
            times = f"{10**power:,} times too {'large' if value > right else 'small'}"
            yield value, Mistake("unit", f"{times}: a decimal place, or another unit"), 1.1
    for what in QUANTITIES:
        if what != question.what and "params" in (what, question.what):
            given = {"params": "parameters", "macs": "MACs", "flops": "FLOPs"}[what]
            total = sum(layer.cost.amount(what) for layer in layers)
            yield total, Mistake("other-amount", f"this is the number of {given}"), 1.0
    if question.what == "params":
        values = sum(math.prod(one.cost.output) for one in layers if one.cost.param_terms)
        words = f"the {values:,} values that the layers put out are no parameters"
        yield right + values, Mistake("activation", words), 1.0
    for layer in layers:
        own = layer.cost.amount(question.what)
        for one in with_digits_swapped(own) if own else ():
            words = f"in {layer.name}: {one.mistakes[0].detail}"
            yield right - own + one.value, Mistake("digits-swapped", words), 1.2
    if question.what == "params":
        return
    for total, words in (
        (_by_sizes_before(layers, question, False), "the size that a block begins with"),
        (_by_sizes_before(layers, question, True), "the size before the pool"),
    ):
        yield total, Mistake("input-size", f"in all layers: {words}"), 1.1
    totals: dict[tuple[str, str], int] = {}
    for place, sizes in carried_sizes(layers).items():
        cost = layers[place].cost
        for size, one in zip(sizes, of_carried_sizes(cost, question, sizes), strict=True):
            about = (size.key, size.words.partition("(")[2].partition(")")[0])
            totals[about] = totals.get(about, right) + one.value - cost.amount(question.what)
    for (key, words), total in totals.items():
        yield total, Mistake(key, f"in all layers: {words}"), 1.2


def _by_sizes_before(layers: Sequence[CostedLayer], question: Question, before_pool: bool) -> int:
    """The total where each layer has a size that stands before it in the place of its output's.

    A block begins with the network's input or with what a pool gives; `before_pool` is what that
    pool gets.
    """
    total = 0
    size: tuple[int, ...] = ()
    for layer in layers:
        cost, window = layer.cost, layer.cost.window
        amount = cost.amount(question.what)
        if "Pool" in cost.type:
            size = window.size if before_pool and window is not None else ()
        elif window is not None and amount:
            size = size or window.size
            amount = amount // math.prod(cost.output[2:]) * math.prod(size)
        total += amount
    return total


def _with_mistake(
    layer: CostedLayer, key: str, question: Question, weights: Weights
) -> list[Interpretation]:
    """A layer's cost with this mistake and no other."""
    return [
        one
        for one in interpretations(layer.cost, question, weights)
        if len(one.mistakes) == 1 and one.mistakes[0].key == key
    ]


def _groups(
    layers: Sequence[CostedLayer], weights: Weights
) -> Iterator[tuple[str, list[CostedLayer], float]]:
    """Layers that somebody may treat alike, in words, and how much less likely that is."""
    yield "in all layers", list(layers), 0.0
    kernels: dict[str, list[CostedLayer]] = {}
    for layer in layers:
        window = layer.cost.window
        if window and layer.cost.param_terms:
            kernels.setdefault("x".join(map(str, window.kernel)), []).append(layer)
    for kernel, group in kernels.items():
        if len(group) > 1:
            words = f"in all {len(group)} layers with a {kernel} kernel"
            yield words, group, weights.total_one_kernel
    for layer in layers:
        yield f"in {layer.name}", [layer], weights.total_one_layer
