"""Intensities worked out by hand, and peaks from data sheets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nincost
from nincost._report.results import Roofline
from nincost._report.roofline import roofline
from nincost._step.request import make_request


def roof_of(net: nn.Module, input: str, gpu: str | None, batch: int = 1, **options) -> Roofline:
    profile = nincost.profile(net, input=input, batch_size=batch)
    found = roofline(profile, make_request(net, gpu, batch, input=input, **options))
    assert isinstance(found, Roofline)
    return found


def test_a_linear_layer_by_hand() -> None:
    # 8 x 1024 into 4096: 2 * 8 * 1024 * 4096 FLOPs; reads x, W and b, writes y, 4 bytes each.
    roof = roof_of(nn.Sequential(nn.Linear(1024, 4096)), "1024", "a100-40gb", batch=8)
    (point,) = roof.points
    moved = 4 * (8 * 1024 + 1024 * 4096 + 4096 + 8 * 4096)
    assert point.bytes == moved
    assert point.flops == 2 * 8 * 1024 * 4096
    assert point.intensity == point.flops / moved
    assert point.bound == "memory"
    assert point.seconds == moved / 1555e9
    assert point.attainable == pytest.approx(point.intensity * 1555e9)


def test_a_large_product_is_bound_by_arithmetic_and_a_relu_by_memory() -> None:
    net = nn.Sequential(nn.Linear(4096, 4096), nn.ReLU())
    product, relu = roof_of(net, "4096", "a100-40gb", batch=4096).points
    assert (product.bound, relu.bound) == ("compute", "memory")
    assert product.attainable == pytest.approx(19.5e12)  # float32 products use no TF32 by default
    assert relu.intensity == 1 / 8  # one operation for a value read and a value written
    assert product.seconds == pytest.approx(product.flops / 19.5e12)


def test_convolutions_use_tf32_where_the_card_has_it_and_torch_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = nn.Sequential(nn.Conv2d(512, 512, 3, padding=1))
    with_it = roof_of(net, "512x64x64", "a100-40gb", batch=16)
    assert with_it.points[0].attainable == pytest.approx(156e12)
    assert [roof.name for roof in with_it.roofs] == ["TF32 tensor cores", "FP32 cores"]
    without = roof_of(net, "512x64x64", "t4", batch=16)
    assert without.points[0].attainable == pytest.approx(8.1e12)
    assert [roof.name for roof in without.roofs] == ["FP32 cores"]
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    off = roof_of(net, "512x64x64", "a100-40gb", batch=16)
    assert off.points[0].attainable == pytest.approx(19.5e12)
    assert [roof.name for roof in off.roofs] == ["FP32 cores"]


def test_half_precision_halves_the_bytes_and_has_its_own_roof() -> None:
    net = nn.Sequential(nn.Linear(1024, 4096))
    full = roof_of(net, "1024", "h100", batch=32)
    half = roof_of(net, "1024", "h100", batch=32, amp="bfloat16")
    assert half.points[0].bytes * 2 == full.points[0].bytes
    assert half.roofs[0].flops == 989.4e12
    assert half.precision == "bfloat16"


@pytest.mark.parametrize(
    ("gpu", "options", "words"),
    [("t4", {"amp": "bfloat16"}, "no tensor cores for bfloat16"),
     ("h100", {"dtype": "float64"}, "no peak of NVIDIA H100")],
)  # fmt: skip
def test_an_unknown_peak_is_said_to_be_unknown(gpu: str, options: dict, words: str) -> None:
    net = nn.Linear(4, 4)
    profile = nincost.profile(net, input="4")
    found = roofline(profile, make_request(net, gpu, input="4", **options))
    assert isinstance(found, str)
    assert words in found
