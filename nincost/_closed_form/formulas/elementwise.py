"""Hand formulas of what changes each value on its own, or only its place."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from nincost._closed_form.registry import Shapes, Working, by_hand
from nincost._closed_form.terms import term


@by_hand(
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softplus,
    nn.Softsign, nn.Softmax, nn.LogSoftmax, nn.Softmax2d, nn.Threshold, nn.Dropout, nn.Dropout1d,
    nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.Identity, nn.LocalResponseNorm,
)  # fmt: skip
def same_shape(_module: Any, shapes: Shapes) -> Working:
    """No parameters, no MACs, and the output is as large as the input."""
    return Working((), (), shapes[0])


@by_hand(nn.PReLU)
def prelu(module: Any, shapes: Shapes) -> Working:
    """A slope for each channel, or one for all."""
    return Working((term("slopes", C=module.num_parameters),), (), shapes[0])


@by_hand(nn.Flatten)
def flatten(module: Any, shapes: Shapes) -> Working:
    """The same values in one row."""
    shape = shapes[0]
    first, last = module.start_dim % len(shape), module.end_dim % len(shape)
    return Working((), (), (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))
