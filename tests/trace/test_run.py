"""One run: modes, the CPU where values are needed, and failures that name the layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nincost
from nincost.errors import InputError, NincostError


class Asks(nn.Module):
    """A linear layer, behind a question that the meta device cannot answer."""

    def __init__(self, question: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.question = question

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer = self.question(x)
        return self.fc(x) if answer is not None else x


ASSUMED = {
    "if": lambda x: 1 if x.sum() > 0 else 2,
    "item": lambda x: x.sum().item(),
    "tolist": lambda x: x.tolist(),
    "nonzero": lambda x: x.nonzero(),
    "mask": lambda x: x[x > 2],
    "unique": lambda x: x.unique(),
    "int": lambda x: int(x.sum()),
    "equal": lambda x: torch.equal(x, x + 1),
}
NEED_VALUES = {
    "numpy": lambda x: x.detach().numpy(),
    "repeat_interleave": lambda x: x.repeat_interleave((x[0] * 0 + 1).long(), 1),
}


@pytest.mark.parametrize("name", NEED_VALUES)
def test_a_model_that_needs_values_runs_on_the_cpu_and_says_so(name: str) -> None:
    result = nincost.profile(Asks(NEED_VALUES[name]), input="4", batch_size=3, on_cpu=True)
    assert result.device == "cpu"
    assert any("ran on the CPU" in note for note in result.notes)
    assert result.totals.macs == 3 * 16
    assert result.totals.params == 20
    assert "ran on the CPU" in str(result)


@pytest.mark.parametrize("name", ASSUMED)
def test_where_an_answer_can_be_assumed_it_is_and_the_result_says_so(name: str) -> None:
    result = nincost.profile(Asks(ASSUMED[name]), input="4", batch_size=3)
    assert result.device == "meta"
    assert [one.place.partition(":")[0] for one in result.assumptions] == ["test_run.py"]
    assert result.totals.macs == 3 * 16
    assert result.totals.params == 20
    assert "rests on assumptions" in str(result)


def test_the_cpu_run_is_the_same_each_time() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x.detach().numpy()  # which meta tensors cannot
            kept = x[x > 0.5]
            return kept @ kept

    first, second = (nincost.profile(Net(), input="100", on_cpu=True).totals.macs for _ in range(2))
    assert first == second
    assert 20 < first < 80  # of 100 numbers between 0 and 1


def test_a_detection_model() -> None:
    pytest.importorskip("torchvision")
    result = nincost.profile("torchvision:fasterrcnn_mobilenet_v3_large_320_fpn", input="3x160x160")
    assert result.device == "meta"
    from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn

    real = fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None)
    assert result.totals.params == sum(p.numel() for p in real.parameters())
    assert "no box is suppressed" in {one.detail for one in result.assumptions}
    assert result.totals.macs > 0


@pytest.mark.parametrize(("side", "packs"), [(slice(-2, None), True), (slice(2), False)])
def test_an_encoder_that_would_pack_its_sequences(side: slice, packs: bool) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            padded = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
            padded[0, side] = True
            return self.encoder(x, src_key_padding_mask=padded)

    result = nincost.profile(Net(), input="8x16", batch_size=2)
    assert result.device == "meta"
    assert ["nested tensor" in one.detail for one in result.assumptions] == [True] * packs


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_mode_is_the_one_asked_for(mode: str) -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ torch.zeros(4, 4) if self.training else x

    assert nincost.profile(Net(), input="4", mode=mode).totals.macs == 16 * (mode == "train")


def test_an_unknown_mode() -> None:
    with pytest.raises(InputError, match="choose eval or train"):
        nincost.profile("two-1x1", mode="test")  # type: ignore[arg-type]


NIN = "two-1x1"


@pytest.mark.parametrize(
    ("model", "given", "says"),
    [
        # which layer, what came in, what it needed
        (NIN, "1x8x8", ["block1.conv", "1x1x8x8", "at least 11x11"]),
        (NIN, "1x20x20", ["pool2", "1x256x1x1", "at least 3x3"]),
        (NIN, "3x224x224", ["block1.conv", "1x3x224x224", "1 channel, not 3"]),
        (NIN, "224", ["block1.conv", "1x224", "2-dimensional"]),
        (NIN, "1x224x224:int64", ["block1.conv", "float32, not int64", ":float32"]),
        (NIN, ("1x224x224", "3"), ["does not take the input", "--input"]),
        (NIN, "x=1x224x224", ["does not take the input", "NAME=SHAPE"]),
        ("fc-head", "1x30x30", ["pool2", "at least 3x3"]),
        ("torchvision:resnet18", "1x64x64", ["conv1", "3 channels, not 1"]),
        ("torchvision:vit_b_32", "3x64x64", ["VisionTransformer"]),
        (nn.Sequential(nn.Linear(3, 4)), "5", ["'0'", "3 features in the last dimension, not 5"]),
        (nn.Sequential(nn.Embedding(9, 4)), "5", ["'0'", "whole numbers", "int64"]),
        (nn.Sequential(nn.BatchNorm2d(4)), "3x5x5", ["4 channels, not 3"]),
        (nn.Sequential(nn.MaxPool2d((3, 3))), torch.zeros(5), ["'0'", "2-dimensional"]),
        (nn.Sequential(nn.AvgPool1d(3)), "4x2", ["'0'", "at least 3, not 2"]),
        (nn.Conv2d(1, 1, 3, padding="valid"), "1x2x2", ["at least 3x3"]),
        (nn.Conv2d(1, 1, 3, dilation=3, padding=1), "1x4x4", ["at least 5x5"]),
        (nn.ConvTranspose2d(2, 1, 3), "1x4x4", ["2 channels, not 1"]),
    ],
)  # fmt: skip
def test_an_input_that_does_not_fit_names_the_layer(
    model: Any, given: Any, says: list[str]
) -> None:
    with pytest.raises(NincostError) as error:
        nincost.profile(model, input=given)
    message = str(error.value)
    assert [word for word in says if word not in message] == []
    assert "\n" not in message


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(3, 4), "3"),
        (nn.Linear(3, 4, bias=False), "3"),
        (nn.Conv2d(3, 4, 1), "3x5x5"),
        (nn.ConvTranspose1d(3, 4, 2), "3x5"),
    ],
)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64"])
def test_a_layer_on_another_type_is_refused_as_for_real(
    layer: nn.Module, shape: str, dtype: str
) -> None:
    sizes = tuple(map(int, shape.split("x")))
    with pytest.raises(RuntimeError):  # the truth: a real run
        layer(torch.ones(2, *sizes, dtype=getattr(torch, dtype)))
    with pytest.raises(InputError) as error:
        nincost.profile(layer, input=f"{shape}:{dtype}")
    assert "float32" in str(error.value)
    assert dtype in str(error.value)


def test_batch_norm_in_training_needs_more_than_one_value() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    with pytest.raises(InputError, match="larger --batch-size"):
        nincost.profile(net, input="3", mode="train")
    assert nincost.profile(net, input="3", mode="train", batch_size=2).totals.macs == 24


@pytest.mark.parametrize(
    "error", [ValueError("a\nb"), KeyError("x"), ZeroDivisionError(), TypeError("t"),
              AttributeError("no"), AssertionError(), StopIteration(), IndexError("i"),
              NotImplementedError(), MemoryError()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_model_that_fails_by_itself_is_told_in_one_line(error: Exception) -> None:
    class Inner(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise error

    with pytest.raises(NincostError) as raised:
        nincost.profile(nn.Sequential(nn.Sequential(Inner())), input="4")
    assert "0.0" in str(raised.value)
    assert type(error).__name__ in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_module_without_forward() -> None:
    with pytest.raises(NincostError, match="NotImplementedError"):
        nincost.profile(nn.ModuleList([nn.Linear(3, 3)]), input="3")
