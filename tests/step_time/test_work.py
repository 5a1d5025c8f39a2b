"""Kernels' FLOPs against FlopCounterMode, and bytes against what tensors hold."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import nincost
from nincost._memory.record import record
from nincost._step.request import make_request
from nincost._time.operators import operators_of


def operators(model, batch=2, gpu="a100", **options):
    request = make_request(model, gpu, batch, **options)
    return operators_of(record(request.step, request.target()), request.target())


def works(found):
    return [found.works[number] for one in found.launched for number in one.works]


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = torch.nn.Linear(64, 192)
        self.norm = torch.nn.LayerNorm(64)
        self.out = torch.nn.Linear(64, 10)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).view(*x.shape[:2], 3, 4, 16).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-1, -2)).softmax(-1)
        return self.out((scores @ v).transpose(1, 2).reshape(x.shape))[:, 0]


class Grouped(torch.nn.Sequential):
    def __init__(self):
        super().__init__(
            torch.nn.Conv2d(16, 32, 3, groups=4),
            torch.nn.Conv2d(32, 32, 3, groups=32, padding=1),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
        )


class Convolutions(torch.nn.Sequential):
    def __init__(self):
        super().__init__(
            torch.nn.Conv2d(3, 16, 3, stride=2, padding=1),
            torch.nn.Conv2d(16, 32, 3, dilation=2),
            torch.nn.ConvTranspose2d(32, 8, 3, stride=2),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
        )


@pytest.mark.parametrize(("model", "shape"), [(Attention, (12, 64)), (Convolutions, (3, 21, 21))])
def test_flops_of_a_step_are_those_of_flop_counter_mode(model, shape):
    module = model()
    with FlopCounterMode(display=False) as counter:
        torch.nn.functional.cross_entropy(
            module(torch.randn(2, *shape)), torch.zeros(2, dtype=torch.long)
        ).backward()
    found = operators(model(), input=["x".join(map(str, shape))])
    assert sum(work.flops for work in works(found)) == counter.get_total_flops()


def test_flops_of_groups_are_those_of_profile():  # FlopCounterMode forgets them in backward
    found = operators(Grouped(), input=["16x9x9"], inference=True)
    macs = nincost.profile(Grouped(), input="16x9x9", batch_size=2).totals.macs
    assert sum(work.flops for work in works(found)) == 2 * macs
    assert [work.family for work in works(found) if work.flops] == [
        "conv-forward", "depthwise-forward",
    ]  # fmt: skip


def test_a_product_has_the_flops_that_its_shape_says():
    for model, shape in (
        (Attention(), "12x64"),
        (Convolutions(), "3x21x21"),
        (Grouped(), "16x9x9"),
    ):
        for work in works(operators(model, input=[shape])):
            batch, m, n, k = work.product
            if work.product[0] and not work.family.startswith("depthwise"):
                # The data gradient of a stride has a fraction of taps a position: rounded down.
                assert work.flops * 0.7 <= 2 * batch * m * n * k <= work.flops * 1.001


def test_bytes_are_each_tensors_once():
    module = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Softmax(-1))
    found = operators(module, 8, input=["1000"], inference=True)
    assert [(one.name, [found.works[n].moved for n in one.works]) for one in found.launched] == [
        ("aten.relu", [2 * 8 * 1000 * 4]),
        ("aten._softmax", [2 * 8 * 1000 * 4]),
    ]


def test_an_optimizer_moves_what_it_reads_and_writes():
    def moved(**options):
        found = operators("two-1x1", optimizer="AdamW", **options)
        return sum(
            found.works[number].moved
            for one in found.launched if one.phase == "step" for number in one.works
        )  # fmt: skip

    bytes_ = 1_992_166 * 4
    # Fused: parameters, gradients and both moments are read, all but gradients written.
    assert moved(optimizer_impl="fused") == pytest.approx(7 * bytes_, rel=0.001)
    assert moved() > 2.5 * moved(optimizer_impl="fused")


def test_recomputation_and_accumulation_are_in_the_step():
    plain = sum(work.flops for work in works(operators("two-1x1")))
    twice = sum(work.flops for work in works(operators("two-1x1", grad_accumulation=2)))
    again = operators("two-1x1", activation_checkpointing="top-level")
    forward = sum(work.flops for work in works(operators("two-1x1", inference=True)))
    assert twice == 2 * plain
    assert plain < sum(work.flops for work in works(again)) <= plain + forward


def test_tensor_cores_transpose_what_has_its_channels_outside():
    def families(**options):
        found = operators("torchvision:resnet18", amp="float16", **options)
        return {work.family for work in works(found)}

    assert "layout" in families()
    assert "layout" not in families(channels_last=True)
