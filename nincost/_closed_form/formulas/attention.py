"""The hand formula of attention."""

from __future__ import annotations

from typing import Any

from torch import nn

from nincost._closed_form.registry import Shapes, Working, by_hand
from nincost._closed_form.terms import Term, term


@by_hand(nn.MultiheadAttention)
def multi_head_attention(module: Any, shapes: Shapes) -> Working:
    """Three projections, scores, weighted sum, and the output projection.

    Query (N, L, E), key (N, S, E_k), value (N, S, E_v), output (N, L, E); N and L, or S, change
    places without `batch_first`. The heads split E between them, so their number does not change
    the count. Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.2, and the
    parameters of torch.nn.MultiheadAttention.
    """
    query, key = shapes[0], shapes[1] if len(shapes) > 1 else shapes[0]
    batched = len(query) == 3
    axis = 1 if batched and module.batch_first else 0
    batch = query[1 - axis] if batched else 1
    length, source = query[axis], key[axis]
    attended = source + (module.bias_k is not None) + module.add_zero_attn
    e, k, v = module.embed_dim, module.kdim, module.vdim
    params: list[Term] = [
        term("query weights", E=e, E_q=e),
        term("key weights", E=e, E_k=k),
        term("value weights", E=e, E_v=v),
    ]
    if module.in_proj_bias is not None:
        params.append(term("query, key and value biases", three=3, E=e))
    params.append(term("output weights", E=e, E_out=e))
    if module.out_proj.bias is not None:
        params.append(term("output biases", E=e))
    if module.bias_k is not None:
        params.append(term("added key and value", two=2, E=e))
    macs = (
        term("query", N=batch, L=length, E=e, E_q=e),
        term("key", N=batch, S=source, E=e, E_k=k),
        term("value", N=batch, S=source, E=e, E_v=v),
        term("scores", N=batch, L=length, S=attended, E=e),
        term("weighted sum", N=batch, L=length, S=attended, E=e),
        term("output", N=batch, L=length, E=e, E_out=e),
    )
    return Working(tuple(params), macs, query)
