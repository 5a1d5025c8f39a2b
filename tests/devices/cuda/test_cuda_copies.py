"""Where CUDA's kernels copy an input that has gaps: bytes by hand, order by PyTorch's sources."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from support.cuda_steps import taken, timeline
from torch import nn

from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._memory.device_allocations import Alloc


class Gaps(nn.Module):
    """A function of every other column: (2, 4, 4, 4) floats, 512 bytes, of rows of eight."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function((x * self.scale)[..., ::2])


@pytest.mark.parametrize(
    ("operator", "function", "expected"),
    [
        # the output of 2*4*2*2 floats, then the copy
        ("avg_pool2d", lambda x: F.avg_pool2d(x, 2), [128, 512]),
        # the output, its places of 8 bytes each, the copy
        ("max_pool2d_with_indices", lambda x: F.max_pool2d(x, 2), [128, 256, 512]),
        ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, 2), [128, 256, 512]),
        # the copy first
        ("_adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 2), [512, 128]),
        # 2*4*6*6 floats, the copy
        ("reflection_pad2d", lambda x: F.pad(x, (1, 1, 1, 1), "reflect"), [1152, 512]),
        ("replication_pad2d", lambda x: F.pad(x, (1, 1, 1, 1), "replicate"), [1152]),
        # 2*4*8*8 floats; what interpolates linearly reads the input as it lies
        ("upsample_nearest2d", lambda x: F.interpolate(x, scale_factor=2), [2048, 512]),
        (
            "upsample_bilinear2d",
            lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
            [2048],
        ),
    ],
)
def test_forward(
    operator: str, function: Callable[[torch.Tensor], torch.Tensor], expected: list[int]
) -> None:
    told = timeline(Gaps(function), "4x4x8", batch=2, loss="sum")
    assert taken(told, f"aten.{operator}") == expected


def test_bilinear_multiplies_slice_by_slice() -> None:
    """Linear.cpp _trilinear: for each of 3 outputs two products of 8 rows, of 7 values and of 1."""
    net = nn.Bilinear(5, 7, 3, bias=False)
    told = timeline(Pair(net), "8x12", batch=1, loss="sum")
    forward = taken(told, "aten._trilinear", "forward")
    assert [size for size in forward if size < 2**20] == [96, 224, 32, 224, 32, 224, 32]


class Pair(nn.Module):
    """A bilinear layer of the two parts of its input."""

    def __init__(self, layer: nn.Bilinear) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x[..., :5], x[..., 5:])


@pytest.mark.parametrize(
    ("layer", "forward", "backward"),
    [
        # output 2*6*6*7, columns of one image 3*9*42; the input's gradient, columns, bias, weight
        (nn.Conv2d(3, 6, 3, padding=1), [1008, 2268], [504, 2268, 12, 324]),
        # no columns to multiply by one value a channel; in backward there are
        (nn.Conv2d(3, 6, 1), [1008], [504, 252, 12, 36]),
        # dilated: all gradients first, the bias's sum for each of two images
        (nn.Conv2d(3, 6, 3, padding=2, dilation=2), [1008, 2268], [504, 324, 12, 2268, 12, 12]),
        # transposed: output 2*6*13*15, columns 6*9*42, ones for the bias
        (
            nn.ConvTranspose2d(3, 6, 3, stride=2),
            [4680, 4536, 390],
            [504, 4536, 324, 12, 4536],
        ),
    ],
)
def test_bfloat16_before_ampere_is_unfolded(
    layer: nn.Module, forward: list[int], backward: list[int]
) -> None:
    """cuDNN gets none there (supportsBFloat16ConvolutionWithCuDNNv8): ConvolutionMM2d.cu does."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1, groups=3), layer)
    told = timeline(
        net.to(torch.bfloat16), "3x6x7", batch=2, target=Target(gpu=get_gpu("t4")), loss="sum"
    )

    def small(operator: str) -> list[int]:
        layers = {index for index, name in enumerate(told.layers) if name == "1"}
        return [
            event.bytes
            for event in told.events
            if isinstance(event, Alloc)
            and event.operator == operator
            and event.layer in layers
            and event.bytes < 2**20
        ]

    # In backward the expanded gradient of the sum is copied first.
    assert small("aten.convolution") == forward
    assert small("aten.convolution_backward")[1:] == backward
