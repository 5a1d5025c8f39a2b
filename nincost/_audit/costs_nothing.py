"""What people count for a layer that costs nothing: a pool, an activation, a dropout."""

from __future__ import annotations

from collections.abc import Iterator

from nincost._closed_form.cost_terms import CostTerms, Quantity
from nincost._closed_form.terms import Factor, Term


def counted_for_nothing(cost: CostTerms, what: Quantity) -> Iterator[tuple[Term, float]]:
    """Each product that somebody may write for the layer, and how unlikely that is.

    All are less likely than a mistake in a term that belongs there (1.0). A pool's kernel is the
    likeliest (1.4), as a pool looks like a convolution; then what only takes a factor more or less
    (1.5); then the number of values that come out or go in (1.6). A number of channels alone is so
    small that it fits by chance (2.6).
    """
    for factors, penalty in _products(cost, what):
        term = Term("nothing", tuple(factors))
        if term.value > 1:
            yield term, penalty
            if what == "flops":
                yield Term("nothing", (*factors, Factor("2", 2))), penalty


def _products(cost: CostTerms, what: Quantity) -> Iterator[tuple[list[Factor], float]]:
    out = [Factor("out", n) for n in cost.output]
    yield out, 1.6
    if what == "params" and len(cost.output) > 1:
        yield [Factor("C", cost.output[1])], 2.6
    if not cost.window:
        return
    kernel = [Factor("k", n) for n in cost.window.kernel]
    channels = Factor("C", cost.channels)
    if what == "params":
        yield kernel, 1.4
        yield [*kernel, channels], 1.4
        yield [*kernel, channels, channels], 1.5
    else:
        yield [*kernel, *out], 1.5
        yield [*kernel, *out[:1], *out[2:]], 1.6
        yield [*kernel, *out, channels], 1.4
        yield [Factor("in", n) for n in (cost.channels, *cost.window.size)], 1.6
