"""Every way to read a number as a layer's cost: right, or wrong by one mistake or by two."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from nincost._audit.mistakes import MISTAKES, Setting
from nincost._closed_form.working import Factor, Term
from nincost._explain.cost_terms import Sheet, Terms

#: A product's factors without ones, in order; a sum of products as a sorted tuple of them.
Shape = tuple[tuple[int, ...], ...]

#: A second mistake in the same term is less likely than its own cost says.
_SECOND = 0.9


@dataclass(frozen=True, slots=True)
class Slip:
    """One mistake that was made, and a few words on it."""

    key: str
    detail: str

    @property
    def title(self) -> str:
        return _TITLES.get(self.key) or MISTAKES[self.key].title


#: Mistakes that are not made within a term.
_TITLES = {
    "missing": "layer missing",
    "twice": "layer counted twice",
    "costs-nothing": "pooling, activation or dropout counted",
    "arithmetic": "arithmetic slip",
    "factor-misread": "a factor misread",
    "unexplained": "not explained",
    "unknown": "belongs to no layer",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that a layer's term may have, the slips that lead to it, how unlikely they are."""

    value: int
    shape: Shape
    slips: tuple[Slip, ...]
    cost: float


def shape_of(terms: Terms) -> Shape:
    """The terms' factors in canonical order, ones left out."""
    return tuple(sorted(tuple(sorted(f.value for f in t.factors if f.value != 1)) for t in terms))


def longest(shape: Shape) -> tuple[int, ...]:
    """The product with the most factors: the weights, say, and not the biases."""
    best: tuple[int, ...] = ()
    for factors in shape:
        if len(factors) > len(best):
            best = factors
    return best


@functools.lru_cache(maxsize=4096)
def readings(sheet: Sheet, setting: Setting) -> tuple[Reading, ...]:
    """All readings of a layer, the right one first, then from likely to unlikely."""
    amount = sheet.amount(setting.what)
    if not amount:
        return tuple(_of_nothing(sheet, setting))
    terms = sheet.terms(setting.what)
    if not terms:
        return (Reading(amount, (), (), 0.0),)
    right = Reading(amount, shape_of(terms), (), 0.0)
    found: dict[tuple[int, Shape], Reading] = {(right.value, right.shape): right}
    singles: list[tuple[Terms, Slip, float]] = []
    for kind in MISTAKES.values():
        if setting.what in kind.whats:
            for wrong, detail in kind.make(sheet, terms, setting):
                singles.append((wrong, Slip(kind.key, detail), kind.cost))
    for wrong, slip, cost in singles:
        _keep(found, wrong, (slip,), cost)
    for wrong, slip, cost in singles:
        for kind in MISTAKES.values():
            if kind.key == slip.key or setting.what not in kind.whats:
                continue
            for worse, detail in kind.make(sheet, wrong, setting):
                slips = (slip, Slip(kind.key, detail))
                _keep(found, worse, slips, cost + kind.cost + _SECOND)
    return tuple(sorted(found.values(), key=lambda r: r.cost))


def _keep(
    found: dict[tuple[int, Shape], Reading], terms: Terms, slips: tuple[Slip, ...], cost: float
) -> None:
    shape = shape_of(terms)
    value = sum(t.value for t in terms)
    known = found.get((value, shape))
    if known is None or known.cost > cost:
        found[value, shape] = Reading(value, shape, slips, cost)


def _of_nothing(sheet: Sheet, setting: Setting) -> Iterator[Reading]:
    """What people count for a layer that costs nothing of the kind asked for."""
    asked = "parameters" if setting.what == "params" else "MACs"
    slip = (Slip("costs-nothing", f"{sheet.type} has no {asked}"),)
    out = [Factor("out", n) for n in sheet.output]
    products: list[tuple[list[Factor], float]] = [(out, 1.6)]
    if setting.what == "params" and len(sheet.output) > 1:
        channels = Factor("C", sheet.output[1])
        products.append(([channels], 2.6))
    if sheet.window:
        kernel = [Factor("k", n) for n in sheet.window.kernel]
        places = out[:1] + out[2:]
        channels = Factor("C", sheet.channels)
        if setting.what == "params":
            products += [
                (kernel, 1.4),
                ([*kernel, channels], 1.4),
                ([*kernel, channels, channels], 1.5),
            ]
        else:
            inputs = [Factor("in", n) for n in (sheet.channels, *sheet.window.size)]
            products += [
                ([*kernel, *out], 1.5),
                ([*kernel, *places], 1.6),
                ([*kernel, *out, channels], 1.4),
                (inputs, 1.6),
            ]
    for factors, cost in products:
        term = Term("nothing", tuple(factors))
        if term.value > 1:
            yield Reading(term.value, shape_of((term,)), slip, cost)
            if setting.what == "flops":
                twice = Term("nothing", (*factors, Factor("2", 2)))
                yield Reading(twice.value, shape_of((twice,)), slip, cost)
