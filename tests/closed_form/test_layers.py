"""Hand formulas of plain layers, against torch's own parameters and a real run's shapes."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

import nincost
from nincost._closed_form import layers
from nincost._closed_form.working import Factor, Term, formula_for, term

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


def test_embedding_and_bilinear_by_hand() -> None:
    assert layers.embedding(nn.Embedding(9, 4), ((2, 3),)).output_shape == (2, 3, 4)
    bilinear = nn.Bilinear(3, 4, 5)
    working = layers.bilinear(bilinear, ((2, 3), (2, 4)))
    assert working.param_count == sum(p.numel() for p in bilinear.parameters())
    assert working.mac_count == 2 * 5 * 3 * 4
    assert working.output_shape == (2, 5)


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 30), k=st.integers(1, 5), s=st.integers(1, 4), p=st.integers(0, 2),
    d=st.integers(1, 3), ceil=st.booleans(),
)  # fmt: skip
def test_pool_sizes_are_torchs(size: int, k: int, s: int, p: int, d: int, ceil: bool) -> None:
    assume(2 * p <= k and size + 2 * p >= d * (k - 1) + 1)
    pool = nn.MaxPool1d(k, s, p, d, ceil_mode=ceil)
    expected = tuple(pool(torch.zeros(1, 1, size)).shape)
    assert layers.window_pool(pool, ((1, 1, size),)).output_shape == expected


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 30), k=st.integers(1, 5), s=st.integers(1, 4), p=st.integers(0, 3),
    d=st.integers(1, 3),
)  # fmt: skip
def test_convolution_sizes_are_torchs(size: int, k: int, s: int, p: int, d: int) -> None:
    assume(size + 2 * p >= d * (k - 1) + 1)
    conv = nn.Conv1d(1, 1, k, s, p, d)
    assert layers.out_size(size, k, s, p, d) == conv(torch.zeros(1, 1, size)).shape[-1]


def test_the_books_first_convolution_as_text() -> None:
    conv = nn.Conv2d(1, 96, 11, 4)
    working = layers.convolution(conv, ((1, 1, 224, 224),))
    assert [(t.letters, t.numbers) for t in working.params] == [
        ("k_h*k_w*C_in*C_out", "11*11*1*96"), ("C_out", "96"),
    ]  # fmt: skip
    (macs,) = working.macs
    assert macs.letters == "N*k_h*k_w*C_in*C_out*out_h*out_w"
    assert macs.numbers == "1*11*11*1*96*54*54"
    assert macs.value == 33_872_256  # 54*54*96*11*11


def test_a_term_is_its_product() -> None:
    made = term("weights", a=2, b=3)
    assert made == Term("weights", (Factor("a", 2), Factor("b", 3)))
    assert (made.value, made.letters, made.numbers) == (6, "a*b", "2*3")


def test_a_subclass_has_the_formula_unless_its_forward_is_another() -> None:
    class Renamed(nn.Linear):
        pass

    class Changed(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return super().forward(input).relu()

    assert formula_for(Renamed(2, 2)) is layers.linear
    assert formula_for(Changed(2, 2)) is None
    assert formula_for(nn.Sequential()) is None


def old_weight_norm(layer: nn.Module) -> nn.Module:
    return torch.nn.utils.weight_norm(layer)


def prune(layer: nn.Module) -> nn.Module:
    from torch.nn.utils import prune

    return prune.l1_unstructured(layer, "weight", amount=0.3)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "change",
    [
        torch.nn.utils.parametrizations.weight_norm, torch.nn.utils.parametrizations.spectral_norm,
        old_weight_norm, prune, torch.nn.utils.spectral_norm,
    ],
)  # fmt: skip
def test_a_weight_made_from_others_is_no_disagreement(change: object) -> None:
    net = nn.Sequential(change(nn.Linear(3, 5)), nn.Linear(5, 2))  # type: ignore[operator]
    check = nincost.check(net, input="3", other_tools=False)
    assert check.ok
    assert check.totals.hand_params == check.totals.trace_params
    assert check.totals.trace_params == sum(p.numel() for p in net.parameters())
