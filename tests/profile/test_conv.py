"""Convolutions, against a direct loop and against FlopCounterMode."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import nincost


class Functional(nn.Module):
    """A function of one input as a module without children."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    ("c_in", "c_out", "size", "kernel", "options"),
    [
        (1, 4, (9,), (3,), {}),
        (2, 4, (9,), (4,), {"stride": 2, "padding": 1}),
        (3, 5, (7, 8), (3, 2), {}),
        (3, 5, (7, 8), (1, 1), {}),
        (2, 3, (11, 11), (5, 5), {"stride": 4, "padding": 2}),
        (4, 6, (8, 8), (3, 3), {"groups": 2, "padding": 1}),
        (4, 4, (8, 8), (3, 3), {"groups": 4, "padding": 1}),
        (4, 8, (8, 8), (3, 3), {"groups": 4}),
        (2, 3, (9, 9), (3, 3), {"dilation": 2, "padding": 2}),
        (2, 2, (4, 5, 6), (2, 3, 1), {"stride": 2, "padding": 1}),
    ],
)
def test_a_convolution_is_its_loop(
    count_convolution: Any, batch: int, c_in: int, c_out: int, size: tuple[int, ...],
    kernel: tuple[int, ...], options: dict[str, int],
) -> None:  # fmt: skip
    kind = [nn.Conv1d, nn.Conv2d, nn.Conv3d][len(size) - 1]
    layer = kind(c_in, c_out, kernel, **options)
    row = nincost.profile(
        layer, input="x".join(map(str, (c_in, *size))), batch_size=batch
    ).layers[0]  # fmt: skip
    assert row.macs == count_convolution(batch, c_in, c_out, size, kernel, **options)
    assert row.output_shape == layer(torch.zeros(batch, c_in, *size)).shape
    assert row.params == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_named_paddings(count_convolution: Any, padding: str) -> None:
    row = nincost.profile(nn.Conv2d(2, 3, 3, padding=padding), input="2x6x6").layers[0]
    pad = 1 if padding == "same" else 0
    assert row.macs == count_convolution(1, 2, 3, (6, 6), (3, 3), padding=pad)


def test_same_padding_with_an_even_kernel(count_convolution: Any) -> None:
    # 7 outputs for 7 inputs: torch pads one side by one more
    row = nincost.profile(nn.Conv1d(2, 3, 4, padding="same"), input="2x7").layers[0]
    assert row.macs == 7 * 3 * 2 * 4


def scatter(
    batch: int, c_in: int, c_out: int, size: tuple[int, ...], taps: int, groups: int
) -> int:
    """A transposed convolution as the loop that defines it: each input adds to many outputs."""
    places = 1
    for side in size:
        places *= side
    return sum(1 for _ in range(batch * c_in * places) for _ in range(c_out // groups * taps))


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((7,), {"stride": 2}),
        ((5, 6), {}),
        ((5, 6), {"stride": 2, "padding": 1, "output_padding": 1}),
        ((5, 6), {"groups": 2, "stride": 3}),
        ((3, 4, 5), {"dilation": 2}),
    ],
)
def test_a_transposed_convolution_is_its_loop(
    size: tuple[int, ...], options: dict[str, int]
) -> None:
    kind = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d][len(size) - 1]
    layer = kind(4, 6, 3, **options)
    row = nincost.profile(layer, input="x".join(map(str, (4, *size))), batch_size=2).layers[0]
    assert row.macs == scatter(2, 4, 6, size, 3 ** len(size), options.get("groups", 1))
    assert row.output_shape == layer(torch.zeros(2, 4, *size)).shape


@pytest.mark.parametrize(
    ("name", "function", "shape"),
    [
        ("conv1d", lambda x: F.conv1d(x, torch.ones(4, 3, 5)), (2, 3, 20)),
        ("conv2d", lambda x: F.conv2d(x, torch.ones(4, 3, 3, 3), padding=1), (2, 3, 8, 8)),
        ("unbatched", lambda x: F.conv2d(x, torch.ones(4, 3, 3, 3)), (3, 8, 8)),
        ("conv3d", lambda x: F.conv3d(x, torch.ones(4, 3, 2, 2, 2)), (1, 3, 4, 4, 4)),
        ("grouped", lambda x: F.conv2d(x, torch.ones(6, 1, 3, 3), groups=3), (2, 3, 8, 8)),
        ("transposed", lambda x: F.conv_transpose2d(x, torch.ones(3, 4, 2, 2)), (2, 3, 8, 8)),
    ],
)
def test_functional_convolutions_agree_with_flop_counter(
    name: str, function: Any, shape: tuple[int, ...]
) -> None:
    given = torch.zeros(shape)
    with FlopCounterMode(display=False) as counter:
        function(given)
    assert nincost.profile(Functional(function), input=given).totals.macs == (
        counter.get_total_flops() // 2
    )


def test_conv_tbc(count_convolution: Any) -> None:
    function = Functional(lambda x: torch.conv_tbc(x, torch.ones(3, 4, 5), torch.ones(5), 0))
    result = nincost.profile(function, input=torch.zeros(10, 2, 4))  # time, batch, channels
    assert result.totals.macs == count_convolution(2, 4, 5, (10,), (3,))


def test_deformable_convolution(count_convolution: Any) -> None:
    ops = pytest.importorskip("torchvision.ops")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.deform = ops.DeformConv2d(4, 6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.deform(x, x.new_zeros(1, 18, 6, 6))

    result = nincost.profile(Net(), input="4x8x8")
    assert result.totals.macs == count_convolution(1, 4, 6, (8, 8), (3, 3))
    assert not result.uncounted
