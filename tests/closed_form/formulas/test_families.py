"""Hand formulas of every family, against torch's own parameters and a real run's shapes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from nincost._closed_form import formulas  # noqa: F401  (registers them)
from nincost._closed_form.registry import formula_for

CASES: list[tuple[nn.Module, tuple[int, ...]]] = [
    *[
        (nn.Conv2d(4, 6, k, s, p), (2, 4, 9, 8))
        for k, s, p in itertools.product((1, 3), (1, 2), (0, 1))
    ],
    (nn.Conv1d(4, 6, 3, groups=2, bias=False), (2, 4, 9)),
    (nn.Conv3d(2, 2, (1, 2, 3), dilation=(1, 2, 1)), (1, 2, 5, 6, 7)),
    (nn.Conv2d(4, 4, 3, padding="same", groups=4), (1, 4, 5, 5)),
    (nn.Conv2d(4, 4, 3, padding="valid"), (1, 4, 5, 5)),
    (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), (1, 4, 5, 5)),
    (nn.Conv2d(4, 4, 3), (4, 5, 5)),
    (nn.ConvTranspose1d(4, 6, 3, 2, 1, 1), (2, 4, 5)),
    (nn.ConvTranspose2d(4, 6, 3, groups=2, dilation=2), (2, 4, 5, 5)),
    (nn.ConvTranspose3d(2, 3, 2), (1, 2, 3, 3, 3)),
    (nn.Linear(4, 6), (2, 3, 4)),
    (nn.Linear(4, 6, bias=False), (4,)),
    (nn.BatchNorm1d(4), (2, 4)), (nn.BatchNorm2d(4, affine=False), (2, 4, 3, 3)),
    (nn.GroupNorm(2, 4), (2, 4, 3)), (nn.LayerNorm((3, 4)), (2, 3, 4)),
    (nn.LayerNorm(4, bias=False), (2, 4)), (nn.LayerNorm(4, elementwise_affine=False), (2, 4)),
    (nn.RMSNorm(4), (2, 4)), (nn.InstanceNorm2d(4, affine=True), (2, 4, 3, 3)),
    (nn.MaxPool2d(3, 2), (1, 2, 8, 9)), (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (1, 2, 8, 9)),
    (nn.MaxPool1d(2, dilation=2), (1, 2, 9)), (nn.MaxPool3d(2), (1, 2, 4, 5, 6)),
    (nn.AvgPool2d(2, 3, ceil_mode=True), (1, 2, 8, 9)), (nn.AvgPool1d(2), (1, 2, 9)),
    (nn.AdaptiveAvgPool2d((None, 2)), (1, 2, 7, 9)), (nn.AdaptiveAvgPool1d(1), (1, 2, 7)),
    (nn.AdaptiveMaxPool2d(3), (1, 2, 7, 9)), (nn.Flatten(), (2, 3, 4)),
    (nn.Flatten(0, 1), (2, 3, 4)), (nn.Flatten(-2), (2, 3, 4)), (nn.PReLU(), (2, 3)),
    (nn.PReLU(3), (2, 3)), (nn.ReLU(), (2, 3)), (nn.Softmax(1), (2, 3)), (nn.Dropout(), (2, 3)),
    (nn.LocalResponseNorm(2), (1, 4, 3, 3)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "shape"), CASES, ids=[f"{i}-{type(c[0]).__name__}" for i, c in enumerate(CASES)]
)
def test_parameters_and_shape_by_hand(layer: nn.Module, shape: tuple[int, ...]) -> None:
    formula = formula_for(layer)
    assert formula is not None
    working = formula(layer, (shape,))
    assert working.param_count == sum(p.numel() for p in layer.parameters())
    assert working.output_shape == tuple(layer.eval()(torch.zeros(shape)).shape)
