"""The built-in variants, against the figures in the literature and against hand calculation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nincost
from nincost._models.nin import VARIANTS, build_variant, get_variant
from nincost.errors import InputError

#: D2L 7.3 at 1x224x224: (kernel, in, out, output side) of each k x k convolution.
D2L = [(11, 1, 96, 54), (5, 96, 256, 26), (3, 256, 384, 12), (3, 384, 10, 5)]


def by_hand(ones: int) -> tuple[int, int]:
    """Parameters and MACs of D2L's network with `ones` 1x1 convolutions in each block."""
    params = macs = 0
    for k, c_in, c_out, side in D2L:
        params += k * k * c_in * c_out + c_out + ones * (c_out * c_out + c_out)
        macs += side * side * (k * k * c_in * c_out + ones * c_out * c_out)
    return params, macs


@pytest.mark.parametrize(
    ("variant", "ones", "params", "macs"),
    [  # published figures; MACs of the latter two by hand only
        ("two-1x1", 2, 1_992_166, 762_297_352),
        ("one-1x1", 1, 1_769_112, None),
        ("zero-1x1", 0, 1_546_058, None),
    ],
)
def test_d2l_figures(variant: str, ones: int, params: int, macs: int | None) -> None:
    expected = by_hand(ones)
    assert expected[0] == params
    assert macs in (None, expected[1])
    totals = nincost.profile(variant).totals
    assert (totals.params, totals.macs, totals.flops) == (*expected, 2 * expected[1])


@pytest.mark.parametrize(
    ("variant", "params"),
    [
        ("cifar10", 966_986),  # the paper's network in its Caffe form
        # 11*11*3*96+96 + 2(96*96+96) + 5*5*96*256+256 + 2(256*256+256) + 3*3*256*384+384
        # + 2(384*384+384) + 3*3*384*1024+1024 + 1024*1024+1024 + 1024*1000+1000
        ("imagenet", 7_595_176),
        # two-1x1's first three blocks (1,957,376 = 1,992,166 - 34,790), then 384*5*5 -> 4096
        # -> 4096 -> 10 fully connected
        ("fc-head", 1_957_376 + 9600 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 10 + 10),
    ],
)
def test_other_variants_have_the_parameters_of_their_source(variant: str, params: int) -> None:
    assert nincost.profile(variant).totals.params == params


def test_two_1x1_shapes_are_the_books() -> None:
    shapes = {row.layer: row.output_shape for row in nincost.profile("two-1x1").layers}
    published = {
        "block1.conv": (96, 54, 54), "block1.relu_2": (96, 54, 54), "pool1": (96, 26, 26),
        "block2.conv": (256, 26, 26), "pool2": (256, 12, 12),
        "block3.conv": (384, 12, 12), "pool3": (384, 5, 5),
        "block4.conv": (10, 5, 5), "block4.relu_2": (10, 5, 5),
        "global_pool": (10, 1, 1), "flatten": (10,),
    }  # fmt: skip
    assert {name: shapes[name][1:] for name in published} == published


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_a_variant_runs_for_real_and_gives_one_score_per_class(variant: str) -> None:
    row = VARIANTS[variant]
    net = build_variant(row).eval()
    side = row.image_size
    with torch.no_grad():
        scores = net(torch.zeros(1, row.in_channels, side, side))
    assert scores.shape == (1, row.num_classes)
    assert sum(p.numel() for p in net.parameters()) == nincost.profile(variant).totals.params


def test_each_convolution_is_followed_by_a_relu_and_dropout_stands_where_the_book_has_it() -> None:
    kinds = [
        type(m).__name__
        for m in build_variant(get_variant("two-1x1")).modules()
        if not list(m.children())
    ]
    block = ["Conv2d", "ReLU"] * 3
    assert kinds == [
        *block, "MaxPool2d", *block, "MaxPool2d", *block, "MaxPool2d", "Dropout", *block,
        "AdaptiveAvgPool2d", "Flatten",
    ]  # fmt: skip


def test_arguments_set_channels_classes_and_dropout() -> None:
    net = build_variant(get_variant("one-1x1"), in_channels=3, num_classes=7, dropout=0.25)
    assert net.block1.conv.in_channels == 3
    assert net.block4.conv1x1_1.out_channels == 7
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.25]
    result = nincost.profile("two-1x1", arg={"in_channels": 3})
    assert result.input == ("1x3x224x224",)
    assert result.totals.params == 1_992_166 + 2 * 11 * 11 * 96


@pytest.mark.parametrize(
    "arguments",
    [
        {"in_channels": 0}, {"in_channels": -1}, {"in_channels": "3"}, {"num_classes": 1.5},
        {"num_classes": True}, {"dropout": 1}, {"dropout": -0.1}, {"dropout": "x"},
        {"dropout": True}, {"dropout": float("nan")},
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        nincost.profile("two-1x1", arg=arguments)


def test_an_unknown_variant_names_all_and_the_nearest() -> None:
    with pytest.raises(InputError) as error:
        get_variant("two-1x2")
    assert "did you mean 'two-1x1'" in str(error.value)
    assert all(name in str(error.value) for name in VARIANTS)


def test_variants_lists_what_profile_gives() -> None:
    rows = nincost.variants()
    assert [row.variant for row in rows] == list(VARIANTS)
    assert (rows[0].params, rows[0].macs, rows[0].input) == (1_992_166, 762_297_352, "1x224x224")
