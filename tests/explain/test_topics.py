"""The answers to readers' questions: their figures against PyTorch, the variants and arithmetic."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

import nincost


def figures(topic: str, model: Any = "two-1x1", **options: Any) -> dict[str, dict[str, Any]]:
    document = nincost.explain(model, topic=topic, **options).to_dict()
    return {figure["quantity"]: figure["values"] for figure in document["figures"]}


def test_leaving_1x1_layers_out_gives_the_variants() -> None:
    found = figures("1x1")
    for column, variant in (("pointwise_4", "one-1x1"), ("pointwise_0", "zero-1x1")):
        profile = nincost.profile(variant).totals
        assert found["params"][column] == profile.params
        assert found["macs"][column] == profile.macs
        peak = nincost.memory(variant, measure=False).totals.peak_allocated_bytes
        assert found["peak_allocated_bytes"][column] == peak
        assert found["step_seconds"][column] == nincost.time(variant).totals.step_seconds
    assert list(found["non_linearities"].values()) == [12, 8, 4]
    assert set(found["field"].values()) == {"195x195"}


def test_a_1x1_convolution_and_a_linear_layer_are_one_map() -> None:
    conv, linear = nn.Conv2d(6, 4, 1), nn.Linear(6, 4)
    linear.load_state_dict({k: v.reshape(v.shape[:2]) for k, v in conv.state_dict().items()})
    image = torch.rand(2, 6, 3, 3)
    torch.testing.assert_close(conv(image), linear(image.movedim(1, -1)).movedim(-1, 1))
    found = figures("fully-connected")
    assert found["params"] == {"map": 9312, "relu": 0}
    assert found["comparisons"]["relu"] == found["output_values"]["map"] == 96 * 54 * 54
    assert figures("fully-connected", "fc-head", layer="fc2")["params"]["map"] == 16_781_312


def test_a_padding_is_what_pytorch_makes_of_it() -> None:
    found = figures("padding")
    for padding in range(4):
        made = nn.Conv2d(1, 1, 5, padding=padding)(torch.zeros(1, 1, 26, 26)).shape[-1]
        assert found["size"][f"padding_{padding}"] == made
    assert found["sizes"]["padding_1"] == "54 -> 26 -> 24 -> 11 -> 5 -> 1"
    assert len(set(found["params"].values())) == 1
    # Where a later layer refuses the size there is nothing to say of the network.
    assert figures("padding", "torchvision:resnet18")["macs"]["padding_0"] is None


def test_rounding_up_needs_what_pytorch_needs() -> None:
    found = figures("rounding")
    image = torch.zeros(1, 1, 224, 224)
    conv = nn.Conv2d(1, 1, 11, stride=4)
    assert found["size"]["rounded_down"] == conv(image).shape[-1] == 54
    padded = nn.ZeroPad2d((0, 3, 0, 3))(image)
    assert found["size"]["rounded_up"] == conv(padded).shape[-1] == 55
    assert conv(padded[..., :-1, :-1]).shape[-1] == 54
    said = " ".join(nincost.explain(topic="rounding").to_dict()["answers"])
    assert "0, 4 and so on to 212" in said
    assert "padding of 2" in said
    pool = figures("rounding", layer="pool1")
    grid = torch.zeros(1, 1, 54, 54)
    assert pool["size"]["rounded_up"] == nn.MaxPool2d(3, 2, ceil_mode=True)(grid).shape[-1]
    # A pool that rounds up as it is: the other form is worked out.
    assert figures("rounding", "cifar10")["size"] == {"rounded_down": 15, "rounded_up": 16}


def test_losses_of_readers_are_sums() -> None:
    found = figures("summed-loss")
    assert found["sum_over_batches"]["first_epoch"] == 949
    assert found["mean"]["last_epoch"] == pytest.approx(134 / 469, abs=1e-6)
    assert found["mean"]["guessing"] == pytest.approx(math.log(10), abs=1e-5)
    assert "469 batches" in nincost.explain(topic="summed-loss").to_dict()["answers"][0]
    assert figures("summed-loss", batch_size=256)["sum_over_batches"]["last_epoch"] < 134


def test_a_step_too_long_raises_the_loss() -> None:
    """On c/2 * w^2, whose curvature is c, by torch's own optimizer."""
    found = figures("jumping-loss")
    for curvature in (5, 15, 25):
        for rate in (0.1, 0.05, 0.01):
            weight = torch.ones((), dtype=torch.float64, requires_grad=True)
            optimizer = torch.optim.SGD([weight], lr=rate)
            before = curvature / 2 * weight**2
            before.backward()
            optimizer.step()
            times = (curvature / 2 * weight**2 / before).item()
            assert found[f"loss_times_at_{curvature}"][f"lr_{rate:g}"] == pytest.approx(times)


def test_topics_are_answered_in_both_languages_and_refused_in_words() -> None:
    for topic in ("summed-loss", "jumping-loss"):
        answer = nincost.explain(topic=topic, lang="zh")
        assert "\n答" in str(answer)
        assert "损失" in answer.to_markdown().splitlines()[0]
        assert answer.to_csv().startswith("quantity,unit,")
    with pytest.raises(nincost.InputError, match="did you mean 'padding'"):
        nincost.explain(topic="paddings")
    with pytest.raises(nincost.InputError, match="not about one layer"):
        nincost.explain(topic="1x1", layer="block1")
    with pytest.raises(nincost.InputError, match="none can be left out"):
        nincost.explain("torchvision:resnet18", topic="1x1")
    with pytest.raises(nincost.InputError, match="is no 1x1 convolution or linear layer"):
        nincost.explain("torchvision:resnet18", topic="fully-connected", layer="conv1")
    with pytest.raises(nincost.InputError, match="not whole"):
        nincost.explain(topic="rounding", layer="block2.conv")
