"""What random networks and faults brought to light: each mended mistake, by name."""

from __future__ import annotations

import re

import pytest
import torch
from support.cuda_steps import taken, timeline
from torch import Tensor, nn
from torch.nn import functional as F

import nincost
from reliability.counts import differences
from reliability.networks import Argument, Network, Step
from reliability.replay import replayed


def network(*lines: str, shape: tuple[int, ...], setup: tuple[str, ...]) -> Network:
    return Network((Argument("x", shape),), (Step((), setup, lines),), mode="train")


def same_allocations(net: Network) -> None:
    seen = replayed(net)
    assert seen.first_difference == -1
    assert seen.told_peak == seen.real_peak


class Lazy(nn.Module):
    """Its first batch norm looks at a count (momentum=None), so the run goes to the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, momentum=None)
        self.conv = nn.LazyConv2d(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x))


def test_a_lazy_module_whose_run_goes_to_the_cpu() -> None:
    """It ended in a ValueError: the copy with weights read those that are not there yet."""
    profile = nincost.profile(Lazy(), input="3x8x8", mode="train", on_cpu=True)
    assert profile.device == "cpu"
    assert profile.totals.params == 6 + 4 * 3 * 9 + 4
    assert nincost.check(Lazy(), input="3x8x8", mode="train").ok


class Attention(nn.Module):
    def __init__(self, *, asks: bool) -> None:
        super().__init__()
        self.asks = asks
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.asks and x.sum().numpy() > 1e9:
            return x
        x = F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])[:, 0]
        return self.layer(x)


def test_a_run_on_the_cpu_has_the_rows_of_one_on_meta() -> None:
    """The CPU's fused attention took the place of its operators, with other activations."""
    on_meta = nincost.profile(Attention(asks=False), input="5x8")
    on_cpu = nincost.profile(Attention(asks=True), input="5x8", on_cpu=True)
    assert (on_meta.device, on_cpu.device) == ("meta", "cpu")
    asking = {"aten.sum"}
    rows = [row.to_dict() for row in on_cpu.layers if row.operator not in asking]
    assert rows == [row.to_dict() for row in on_meta.layers]


def copies(x: Tensor, convolution: nn.Module) -> int:
    """Activations of a copy that `reshape` makes of the output, where it is not row-major."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = convolution

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x).reshape(-1)

    rows = nincost.profile(Net(), input=(x,)).layers
    return sum(row.activation_elements for row in rows if row.operator == "aten.clone")


@pytest.mark.parametrize(
    ("x", "convolution"),
    [
        (torch.zeros(2, 4, 6, 6), nn.Conv2d(4, 3, 3)),
        (torch.zeros(2, 4, 6, 6), nn.ConvTranspose2d(4, 3, 3)),
        (torch.zeros(2, 4, 6, 6, 6), nn.Conv3d(4, 3, 3)),
    ],
    ids=["plain", "transposed", "3-d"],
)
def test_a_convolution_on_channels_last_gives_channels_last(
    x: Tensor, convolution: nn.Module
) -> None:
    """Its meta kernel says so of some only, cuDNN and the CPU do it for all."""
    form = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
    assert copies(x, convolution) == 0
    assert copies(x.contiguous(memory_format=form), convolution) == convolution(x).numel()
    if x.dim() == 4:
        weight = convolution.to(memory_format=form)
        assert copies(x, weight) == convolution(x).numel()
        assert not weight(x).is_contiguous()


def test_a_convolution_of_one_channel_in_either_form() -> None:
    """Strides that a transpose left make one channel channels-last, though row-major fits too."""
    x = torch.zeros(3, 5, 1).transpose(1, 2)
    convolution = nn.Conv1d(1, 6, 3, padding=1)
    assert convolution(x).stride() == (30, 1, 6)
    assert copies(x, convolution) == 3 * 6 * 5


def test_grouped_convolution_of_an_input_without_gradient() -> None:
    """The CPU's rule gave back a gradient that nobody had taken."""
    same_allocations(
        network(
            "x = self.m(x)",
            shape=(2, 4, 8, 8),
            setup=("self.m = nn.Conv2d(4, 4, 3, padding=1, groups=4)",),
        )
    )


def test_gradients_of_a_shared_weight_are_summed_out_of_place() -> None:
    """They come as views (of a transposed product), which their base holds as well."""
    same_allocations(
        network(
            "x = self.m(self.m(x))",
            shape=(3, 12),
            setup=("self.m = nn.Linear(12, 12, bias=False)",),
        )
    )
    shared = nn.Linear(256, 256, bias=False)
    told = timeline(nn.Sequential(shared, shared), "256", optimizer="SGD")
    assert taken(told, "aten.add", "backward") == [256 * 256 * 4]


def test_a_gradient_that_comes_twice_is_summed_out_of_place() -> None:
    same_allocations(
        network("x = self.m(x)", "x = x + x", shape=(3, 12), setup=("self.m = nn.Linear(12, 12)",))
    )


def test_residual_gradients_are_still_summed_in_place() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            return x * 2 + self.second(x)

    assert taken(timeline(Net(), "64"), "aten.add", "backward") == []


def test_silu_has_one_kernel_for_its_gradient() -> None:
    """It was taken apart into six operators, five of them with a temporary of their own."""
    same_allocations(
        network("x = self.m(x)", shape=(3, 12), setup=("self.m = nn.Sequential("
                "nn.Linear(12, 12), nn.SiLU(), nn.Linear(12, 12))",))
    )  # fmt: skip
    net = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64))
    told = timeline(net, "64", batch=8)
    assert taken(told, "aten.silu_backward", "backward") == [8 * 64 * 4]
    assert taken(told, "aten.sigmoid", "backward") == []


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_the_gradient_of_a_maximum_is_filled_in_place(name: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)

        def forward(self, x: Tensor) -> Tensor:
            return getattr(torch, name)(self.first(x), self.second(x))

    assert taken(timeline(Net(), "64"), "aten.masked_fill", "backward") == []
    same_allocations(
        network(
            f"x = torch.{name}(self.m(x), x)",
            shape=(3, 12),
            setup=("self.m = nn.Linear(12, 12)",),
        )
    )


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ("self.m(x).relu().add_(x)", "cannot be trained"),
        ("self.m(x) * (1 if x.sum().numpy() > 1e9 else 2)", "looks at values"),
        ("nn.functional.embedding(x.long(), self.m.weight, sparse=True)", "sparse tensors"),
        (
            "(lambda q: self.m(x) + torch.ops.quantized.add(q, q, 1.0, 0).dequantize())"
            "(torch.quantize_per_tensor(x, 0.1, 0, torch.qint8))",
            "no meta kernel",
        ),
    ],
)
def test_memory_says_why_a_step_cannot_be_told(forward: str, said: str) -> None:
    """Whatever named a tensor on meta was said to look at values."""
    net = network(f"x = {forward}", shape=(3, 12), setup=("self.m = nn.Linear(12, 12)",)).build()
    given = (torch.randn(3, 12),)
    with pytest.raises(nincost.NincostError, match=re.escape(said)):
        nincost.memory(net, input=given, loss="sum", amp="bfloat16", measure=False)


@pytest.mark.parametrize("activation", ["RReLU", "LogSigmoid"])
def test_an_activation_of_what_is_not_row_major(activation: str) -> None:
    """RReLU makes it row-major in training and LogSigmoid never, on CUDA: it decides whether the
    product has to copy (aten/src/ATen/native/cuda/RreluWithNoise.cu, Activation.cpp)."""
    setup = (f"self.act = nn.{activation}()", "self.p = nn.Parameter(torch.randn(6, 5))")
    lines = ("x = self.act(x.transpose(0, 1))", "x = torch.matmul(x, self.p)")
    assert differences(network(*lines, shape=(2, 4, 6), setup=setup)) == []
