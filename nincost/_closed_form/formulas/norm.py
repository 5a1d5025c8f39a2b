"""Hand formulas of normalization. Inputs and outputs have the same shape."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from nincost._closed_form.registry import Shapes, Working, by_hand
from nincost._closed_form.terms import term


@by_hand(
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)  # fmt: skip
def channel_norm(module: Any, shapes: Shapes) -> Working:
    """A weight and a bias for each channel; no MACs."""
    params = (term("weights and biases", two=2, C=module.num_features),) if module.affine else ()
    return Working(params, (), shapes[0])


@by_hand(nn.GroupNorm)
def group_norm(module: Any, shapes: Shapes) -> Working:
    """A weight and a bias for each channel; no MACs."""
    params = (term("weights and biases", two=2, C=module.num_channels),) if module.affine else ()
    return Working(params, (), shapes[0])


@by_hand(nn.LayerNorm)
def layer_norm(module: Any, shapes: Shapes) -> Working:
    """A weight and, unless switched off, a bias for each normalized element; no MACs."""
    params = []
    if module.elementwise_affine:
        size = math.prod(module.normalized_shape)
        params.append(term("weights", E=size))
        if module.bias is not None:
            params.append(term("biases", E=size))
    return Working(tuple(params), (), shapes[0])


@by_hand(nn.RMSNorm)
def rms_norm(module: Any, shapes: Shapes) -> Working:
    """A weight for each normalized element; no MACs."""
    has = module.elementwise_affine
    params = (term("weights", E=math.prod(module.normalized_shape)),) if has else ()
    return Working(params, (), shapes[0])
