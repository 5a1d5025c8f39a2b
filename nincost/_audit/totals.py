"""What may have led to a wrong total of which nothing but the number is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from nincost._audit.expression import stands_for
from nincost._audit.interpretations import Slip, readings
from nincost._audit.mistakes import MISTAKES, Setting
from nincost._audit.results import Explanation
from nincost._explain.cost_terms import NamedSheet

_MOST = 3


def explain_total(
    value: Fraction, unit: Fraction, layers: Sequence[NamedSheet], setting: Setting
) -> tuple[Explanation, ...]:
    """Mistakes in all layers, in all layers of one kernel size, or in one: those that give it."""
    found: dict[tuple[str, ...], tuple[float, Explanation]] = {}
    for total, slip, cost in _candidates(layers, setting):
        if stands_for(value, unit, Fraction(total)):
            key = (slip.key, slip.detail)
            if key not in found or found[key][0] > cost:
                found[key] = (cost, Explanation((slip,)))
    best = sorted(found.values(), key=lambda pair: pair[0])
    return tuple(explanation for _, explanation in best[:_MOST])


def _candidates(
    layers: Sequence[NamedSheet], setting: Setting
) -> Iterator[tuple[int, Slip, float]]:
    what = setting.what
    right = sum(named.sheet.amount(what) for named in layers)
    for words, group, cost in _groups(layers):
        amount = sum(named.sheet.amount(what) for named in group)
        for key, kind in MISTAKES.items():
            # A kind may be made in several ways (a batch of 64, of 128): one way for all layers.
            ways = [
                [
                    r
                    for r in readings(n.sheet, setting)
                    if len(r.slips) == 1 and r.slips[0].key == key
                ]
                for n in group
            ]
            for place in range(max(map(len, ways), default=0)):
                total, detail = right, ""
                for named, own in zip(group, ways, strict=True):
                    if own and named.sheet.amount(what):
                        reading = own[min(place, len(own) - 1)]
                        total += reading.value - named.sheet.amount(what)
                        detail = reading.slips[0].detail
                alone = len(group) == 1 or key in ("batch-counted", "factor-two")
                told = f"{words}: {detail}" if alone and detail else words
                yield total, Slip(key, told), kind.cost + cost
        if amount:
            yield right - amount, Slip("missing", words), 1.3 + cost
            yield right + amount, Slip("twice", words), 1.3 + cost


def _groups(
    layers: Sequence[NamedSheet],
) -> Iterator[tuple[str, list[NamedSheet], float]]:
    """Layers that somebody may treat alike, in words, and how much less likely that is."""
    yield "in all layers", list(layers), 0.0
    kernels: dict[str, list[NamedSheet]] = {}
    for named in layers:
        window = named.sheet.window
        if window and named.sheet.param_terms:
            kernels.setdefault("x".join(map(str, window.kernel)), []).append(named)
    for kernel, group in kernels.items():
        if len(group) > 1:
            yield f"in all {len(group)} layers with a {kernel} kernel", group, 0.1
    for named in layers:
        yield f"in {named.layer}", [named], 0.3
