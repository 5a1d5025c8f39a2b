"""cuDNN's recurrent layers under autocast: weights are cast into one buffer, always of float16.

aten/src/ATen/cudnn/AutocastRNN.cpp _cudnn_rnn_cast_reflatten, whatever autocast's own type is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def cast_recurrent(cast: Callable[[Any, torch.dtype], Any], args: Any) -> Any:
    """The arguments of `_cudnn_rnn`, cast.

    Args:
        cast: casts a tensor as autocast does; anything else stays as it is.
        args: the operator's own.
    """
    x, weights, per_layer, buffer, hidden, cell, *rest = args
    if weights[0].dtype is torch.float32:
        weights, buffer = _flattened(weights)
    cell, hidden = cast(cell, torch.float16), cast(hidden, torch.float16)
    return (cast(x, torch.float16), weights, per_layer, buffer, hidden, cell, *rest)


def _flattened(weights: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    """Copies of the weights, in their order, in a buffer; autograd sees a copy of each."""
    buffer = weights[0].new_zeros(sum(one.numel() for one in weights), dtype=torch.float16)
    made, start = [], 0
    for weight in weights:
        place = buffer[start : start + weight.numel()].view(weight.shape).detach()
        made.append(place.copy_(weight))
        start += weight.numel()
    return made, buffer
