"""Hand formulas of linear layers and embeddings."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from nincost._closed_form.registry import Shapes, Working, by_hand
from nincost._closed_form.terms import term


@by_hand(nn.Linear)
def linear(module: Any, shapes: Shapes) -> Working:
    """Weights in*out and out biases; each weight meets each row of the input.

    Input (*, in), output (*, out). MACs: rows*in*out (torch.nn.Linear: y = x A^T + b).
    """
    return _on_rows(module, shapes, {"in": module.in_features, "out": module.out_features})


@by_hand(nn.Bilinear)
def bilinear(module: Any, shapes: Shapes) -> Working:
    """Weights out*in1*in2; each meets each row: y = x1^T A x2 + b (torch.nn.Bilinear).

    Inputs (*, in1) and (*, in2), output (*, out).
    """
    sizes = {"out": module.out_features, "in1": module.in1_features, "in2": module.in2_features}
    return _on_rows(module, shapes, sizes)


def _on_rows(module: Any, shapes: Shapes, sizes: dict[str, int]) -> Working:
    """A layer whose weights, one for each product of `sizes`, meet each row of the input once."""
    params = [term("weights", **sizes)]
    if module.bias is not None:
        params.append(term("biases", out=module.out_features))
    lead = shapes[0][:-1]
    return Working(
        tuple(params),
        (term("product", rows=math.prod(lead), **sizes),),
        (*lead, module.out_features),
    )


@by_hand(nn.Embedding)
def embedding(module: Any, shapes: Shapes) -> Working:
    """A table of V rows of E; looking up multiplies nothing. Input (*), output (*, E)."""
    return Working(
        (term("table", V=module.num_embeddings, E=module.embedding_dim),),
        (),
        (*shapes[0], module.embedding_dim),
    )
