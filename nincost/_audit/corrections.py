"""The right calculation of a layer, and of a whole model, as a person would write it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nincost._closed_form.cost_terms import CostedLayer, CostTerms, Quantity
from nincost._closed_form.terms_text import terms_text


def layer_text(cost: CostTerms, what: Quantity) -> str:
    """`96*(11*11*1+1)` for parameters, `54*54*96*11*11*1` for MACs."""
    return terms_text(cost.terms(what)) or str(cost.amount(what))


def whole_text(layers: Sequence[CostedLayer], what: Quantity) -> str:
    """All layers that cost something, in order; equal ones that follow each other as `(...)*2`."""
    texts = [layer_text(one.cost, what) for one in layers if one.cost.amount(what)]
    grouped = []
    for text, same in groupby(texts):
        count = len(list(same))
        grouped.append(f"({text})*{count}" if count > 1 else text)
    return " + ".join(grouped)
