"""A profile leaves no trace in real models and in the process, whatever fails in the middle.

`benchmarks/no_trace.py` goes through all of torchvision and sixty models of timm.
"""

from __future__ import annotations

import functools
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

import nincost
from reliability.untouched import changed, module_state, try_all, world_state
from reliability.zoo import commands, load, timm_names, torchvision_names

#: With sides that keep a run short; the fault's place is what matters.
MODELS = {
    "torchvision:resnet18": "3x64x64",
    "torchvision:squeezenet1_1": "3x64x64",
    "torchvision:shufflenet_v2_x0_5": "3x64x64",
    "torchvision:mobilenet_v3_small": "3x64x64",
    "torchvision:mnasnet0_5": "3x64x64",
    "torchvision:efficientnet_b0": "3x64x64",
    "torchvision:lraspp_mobilenet_v3_large": "3x64x64",
    "torchvision:quantized_mobilenet_v2": "3x64x64",
    "timm:resnet10t": "3x64x64",
    "timm:vit_tiny_patch16_224": "3x224x224",
    "timm:mobilenetv4_conv_small": "3x64x64",
    "timm:lcnet_035": "3x64x64",
    "timm:repvgg_a0": "3x64x64",
    "timm:convnext_atto": "3x64x64",
}


#: Whose like is among the others.
LIKE_OTHERS = {
    "torchvision:shufflenet_v2_x0_5", "torchvision:mnasnet0_5", "torchvision:efficientnet_b0",
    "timm:mobilenetv4_conv_small", "timm:lcnet_035",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n in LIKE_OTHERS)) for n in MODELS],
)
def test_a_model_is_as_it_was(name: str) -> None:
    model, _ = load(name)
    rng = Random(name)
    for module in rng.sample(list(model.modules()), 5):  # no mode for all
        module.training = not module.training
    tried = try_all(model, commands(model, (MODELS[name],)), rng, faults=4, hooks=1)
    assert tried.runs == 7
    assert tried.errors.total() >= 2, tried.errors  # no interrupt was swallowed
    assert not tried.found, "\n".join(tried.found)


@pytest.mark.parametrize("name", ["torchvision:squeezenet1_1"])
def test_every_command_leaves_a_model_as_it_was(name: str) -> None:
    model, _ = load(name)
    tried = try_all(
        model, commands(model, (MODELS[name],), more=True), Random(3), faults=4, hooks=1
    )
    assert not tried.found, "\n".join(tried.found)


def test_the_snapshot_sees_what_changes() -> None:
    """Else finding nothing would say nothing."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    net.cache = {"seen": [torch.zeros(2)]}  # type: ignore[assignment]

    def touch(do: Any) -> list[str]:
        before = module_state(net)
        do()
        return changed(before, module_state(net))

    assert touch(lambda: None) == []
    assert touch(lambda: net[1].running_mean.add_(1)) == ["1._buffers"]
    assert touch(net.eval) == [".training", "0.training", "1.training"]
    assert touch(lambda: net.cache["seen"][0].mul_(2)) == [".cache"]
    assert touch(lambda: net[0].register_forward_hook(print)) == ["0._forward_hooks"]
    assert touch(lambda: net[0].weight.requires_grad_(False)) == ["0._parameters"]
    assert touch(lambda: setattr(net[0], "new", 1)) == ["0 attributes", "0.new"]


@pytest.mark.parametrize("fail", [False, True], ids=["runs", "is interrupted"])
def test_settings_that_a_model_changes_are_put_back(fail: bool) -> None:
    """A forward that meddles with the process: each of these stayed as the model had set it."""

    class Meddler(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
            torch.backends.cudnn.deterministic = True
            torch.set_default_device("meta")
            torch.set_float32_matmul_precision("high")
            torch.set_autocast_enabled("cpu", True)
            torch.backends.cuda.enable_flash_sdp(False)
            torch.autograd.set_detect_anomaly(True, check_nan=False)
            x = super().forward(x)
            if fail:
                raise KeyboardInterrupt
            return x

    model = Meddler(3, 3)
    before = world_state()
    for run in (nincost.profile, functools.partial(nincost.memory, measure=False, loss="sum")):
        try:
            run(model, input="3")
        except KeyboardInterrupt:
            assert fail
        assert changed(before, world_state()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [f"torchvision:{n}" for n in torchvision_names()] + [f"timm:{n}" for n in timm_names(60)],
)
def test_all_models_are_as_they_were(name: str) -> None:
    model, given = load(name)
    tried = try_all(model, commands(model, given), Random(name), faults=2, hooks=1)
    assert not tried.found, "\n".join(tried.found)
