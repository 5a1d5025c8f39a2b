"""What `nincost.report` gathers, against what the commands of each part report alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

import nincost


@pytest.fixture(autouse=True, scope="module")
def one_card() -> Iterator[None]:
    """Only the smallest card's batch is searched for: what the search finds is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nincost._report.batches.COMMON_CARDS", {"8 GB": "rtx3070"})
        yield


def quick(model: Any, **options: Any) -> nincost.Report:
    return nincost.report(model, suggest=False, measure=False, **options)


@pytest.fixture(scope="module")
def small() -> nincost.Report:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 30 * 30, 10))
    return quick(net, input="3x32x32", batch_size=4, gpu="t4")


def test_it_holds_what_profile_and_memory_tell() -> None:
    report = quick("zero-1x1", batch_size=4, gpu="rtx3060")
    assert report.profile.to_dict() == nincost.profile("zero-1x1", batch_size=4).to_dict()
    for name, inference in (("training", False), ("inference", True)):
        alone = nincost.memory(
            "zero-1x1", batch_size=4, gpu="rtx3060", inference=inference, measure=False
        )
        assert getattr(report, name).totals == alone.totals
    assert report.missing == {}
    assert dict(report.batches.points)[4] == report.training.totals.process_bytes


def test_the_json_has_all_of_it(small: nincost.Report) -> None:
    content = json.loads(small.to_json())
    assert content["schema"] == 1
    assert content["command"] == "report"
    assert content["totals"] == small.profile.totals.to_dict()
    assert content["layers"] == small.profile.to_dict()["layers"]
    assert content["training"]["totals"]["peak_layer"] == small.training.totals.peak_layer
    assert len(content["curve"]["moments"][0]) == len(content["curve"]["columns"])
    assert content["roofline"]["gpu"] == "NVIDIA Tesla T4"
    assert content["batches"]["cards"][0]["label"] == "8 GB"
    assert content["made_with"].startswith("nincost.report(Sequential, input='3x32x32'")


def test_text_forms_are_those_of_its_parts(small: nincost.Report) -> None:
    assert str(small).startswith("Sequential on 4x3x32x32")
    assert [line.partition("?")[0] for line in str(small).splitlines()[1:]] == [
        "How many parameters", "How much computation", "How much memory to train",
        "How much memory to infer",
    ]  # fmt: skip
    assert small.to_markdown().count("| peak reserved |") == 2
    assert small.to_csv() == small.profile.to_csv()
    assert small.to_markdown().startswith(small.profile.to_markdown())


def test_inference_alone_leaves_training_out() -> None:
    report = quick(nn.Linear(3, 3), input="3", inference=True)
    assert report.training is None
    assert report.step is report.inference
    assert "--inference" in report.missing["training"]
    assert report.curve is not None


class Ids(nn.Module):
    """A model without a float output: nothing to train."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.argmax(-1)


def test_what_cannot_be_told_is_said_with_its_reason() -> None:
    report = quick(Ids(), input="3", gpu="t4", amp="bfloat16")
    assert report.training is None
    assert report.inference is not None
    assert set(report.missing) >= {"training", "roofline"}
    assert "bfloat16" in report.missing["roofline"]
    tensors = quick(nn.Linear(3, 3), input=torch.zeros(2, 3), loss="sum")
    assert "batch of their own" in tensors.missing["batches"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "Adan"}, "did you mean 'Adam'"),
        ({"gpu": "rtx9999"}, "unknown GPU"),
        ({"input": "4"}, "4"),
        pytest.param(
            {"measure": True}, "no CUDA GPU to measure on",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error(options: dict[str, Any], words: str) -> None:
    with pytest.raises(nincost.NincostError, match=words):
        nincost.report(nn.Sequential(nn.Linear(3, 3)), **{"input": "3", **options})


def test_the_model_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    quick(net, input="3", batch_size=2)
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
