"""MACs of a whole training step against FlopCounterMode, and a device's peak."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from nincost._models.build import Model
from nincost._models.inputs import parse_spec
from nincost._models.sources import resolve
from nincost._train import predicted
from nincost._train.predicted import step_macs

CONVOLUTIONS = {
    "strided": nn.Conv2d(3, 8, 5, 2, 1),
    "dilated": nn.Conv2d(3, 4, 3, dilation=2),
    "transposed": nn.ConvTranspose2d(3, 8, 3, 2),
    "one dimension": nn.Conv1d(3, 8, 5),
    "three dimensions": nn.Conv3d(3, 8, 2),
}


def counted(module: nn.Module, spec: str) -> tuple[int, int]:
    """Forward and backward MACs of one example by torch's own counter."""
    module = module.to("meta").train()
    images = torch.empty(parse_spec(spec, 2).shape, device="meta")
    with torch.no_grad():
        module(images)  # a lazy layer takes its shape before the count
    counter = FlopCounterMode(display=False)
    with counter:
        scores = module(images)
        forward = counter.get_total_flops()
        functional.cross_entropy(
            scores, torch.zeros(2, dtype=torch.int64, device="meta")
        ).backward()
    return forward // 4, (counter.get_total_flops() - forward) // 4


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("two-1x1", "1x224x224"),
        ("one-1x1", "1x96x96"),
        ("fc-head", "1x224x224"),
        ("cifar10", "3x32x32"),
        ("torchvision:resnet18", "3x64x64"),
    ],
)
def test_a_step_is_what_torchs_counter_says(name: str, spec: str) -> None:
    found = step_macs(resolve(name), spec)
    assert (found.forward, found.backward) == counted(resolve(name).module, spec)
    assert found.uncounted == ()


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_each_kind_of_convolution(name: str) -> None:
    layer = CONVOLUTIONS[name]
    channels = layer.in_channels
    spec = "x".join(["9"] * (layer.weight.dim() - 2))
    net = nn.Sequential(layer, nn.Flatten())
    found = step_macs(Model(name, net), f"{channels}x{spec}")
    assert (found.forward, found.backward) == counted(net, f"{channels}x{spec}")


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_groups_are_so_many_convolutions_apart(groups: int) -> None:
    """torch's counter takes a grouped weight's gradient for a full one's: so it counts them apart.

    The images get a gradient here, from a layer before.
    """

    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList(
                nn.Conv2d(6 // groups, 12 // groups, 3) for _ in range(groups)
            )

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            pieces = zip(self.parts, images.chunk(groups, 1), strict=True)
            return torch.cat([part(piece) for part, piece in pieces], 1)

    def net(layer: nn.Module) -> nn.Module:
        return nn.Sequential(nn.Conv2d(2, 6, 1), layer, nn.Flatten())

    found = step_macs(Model("net", net(nn.Conv2d(6, 12, 3, groups=groups))), "2x9x9")
    assert (found.forward, found.backward) == counted(net(Apart()), "2x9x9")


def test_attention_by_hand() -> None:
    """Fused: forward two products, backward five, as the scores are made again."""
    heads, length, width = 4, 10, 16

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            rows = given * self.scale
            return functional.scaled_dot_product_attention(rows, rows, rows).flatten(1)

    found = step_macs(Model("net", Net()), f"{heads}x{length}x{width}")
    assert found.forward == heads * length * length * width * 2
    assert found.backward == heads * length * length * width * 5


class FakeCuda:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, device: torch.device) -> str:
        return self.name


@pytest.mark.parametrize(
    ("gpu", "amp", "tf32", "kind", "peak"),
    [
        ("NVIDIA A100-SXM4-40GB", None, True, "tf32", 156e12),
        ("NVIDIA A100-SXM4-40GB", None, False, "fp32", 19.5e12),
        ("NVIDIA A100-SXM4-40GB", "bfloat16", True, "bf16", 312e12),
        ("Tesla T4", None, True, "fp32", 8.1e12),
        ("Tesla T4", "float16", True, "fp16", 65e12),
        ("Tesla T4", "bfloat16", True, "bf16", None),
        ("NVIDIA Unheard-of 9000", None, True, None, None),
    ],
)
def test_the_peak_is_of_the_kernels_that_run(
    monkeypatch: pytest.MonkeyPatch, gpu: str, amp: str | None, tf32: bool, kind: Any, peak: Any
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", FakeCuda(gpu))
    assert predicted._peak(torch.device("cuda", 0), amp, tf32=tf32) == (kind, peak)
    assert predicted._peak(torch.device("cpu"), amp, tf32=tf32) == (None, None)
