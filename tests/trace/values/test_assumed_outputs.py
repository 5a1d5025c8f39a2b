"""What is assumed where values depend on activations, and how it is named."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import nincost
from nincost._trace.values.assumptions import Assumption


class Routed(nn.Module):
    """Two of four experts for each token, in a loop over experts, as Mixtral's first release."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(8, 4, bias=False)
        self.experts = nn.ModuleList([nn.Linear(8, 8, bias=False) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        weights, chosen = self.gate(x).softmax(-1).topk(2)
        result = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            token, place = torch.where(chosen == number)
            if token.numel() == 0:
                continue
            mine = expert(x[token]) * weights[token, place, None]
            result.index_add_(0, token, mine)
        return result


def test_routing_is_balanced_and_named() -> None:
    found = nincost.profile(Routed(), input="8", batch_size=32)
    experts = [row for row in found.layers if row.layer.startswith("experts.")]
    assert [row.macs for row in experts] == [16 * 8 * 8] * 4  # 32 tokens, 2 of 4 each
    assert found.device == "meta"
    (assumption,) = found.assumptions
    assert (assumption.name, assumption.count) == ("aten.topk", 1)
    assert assumption.detail == "each of 4 is chosen equally often"
    assert assumption.place.startswith("test_assumed_outputs.py:")
    assert found.to_dict()["assumptions"][0]["line"] == assumption.line
    assert any("each of 4 is chosen equally often" in note for note in found.notes)


def test_the_same_for_memory() -> None:
    found = nincost.memory(Routed(), input="8", batch_size=32, loss="sum", measure=False)
    assert [one.name for one in found.assumptions] == ["aten.topk"]
    assert found.to_dict()["assumptions"] == [one.to_dict() for one in found.assumptions]
    assert "each of 4 is chosen equally often" in str(found)


class Asks(nn.Module):
    """Does as `question` says with 8 activations a row."""

    def __init__(self, question: object) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.question = question

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        kept = self.question(x)  # type: ignore[operator]
        return self.layer(kept) if isinstance(kept, Tensor) else x * kept


@pytest.mark.parametrize(
    ("question", "rows", "named"),
    [
        (lambda x: x[x[:, 0] > 0], 16, "half of a mask of activations is set"),
        (lambda x: torch.cat([x[x[:, 0] > 0], x[x[:, 0] <= 0]]), 32, "half of a mask"),
        (lambda x: x[x.isfinite().all(1)], 32, "activations are finite"),
        (lambda x: x[x[:, 0].nonzero()[:, 0]], 32, "activations are not 0"),
        (lambda x: x[: int(x.argmax(1).bincount(minlength=8)[3]) * 8], 32, "each of 8 is chosen"),
        (lambda x: x[: x.shape[0] * int(x.max().item())], 32, "a number of activations is 1"),
        (lambda x: x[torch.randperm(32, device=x.device) < 8], 8, "a random order"),
    ],
)  # fmt: skip
def test_each_kind(question: object, rows: int, named: str) -> None:
    found = nincost.profile(Asks(question), input="8", batch_size=32)
    assert found.totals.macs == (32 + rows) * 8 * 8
    assert found.device == "meta"
    assert any(named in one.detail for one in found.assumptions)


class Masked(nn.Module):
    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        kept = ids if bool(mask.all()) else ids[mask.bool()]
        return kept.float() @ torch.ones(ids.shape[1], 1, device=ids.device)


def test_what_a_described_input_holds_is_assumed_by_its_name() -> None:
    """And what an example holds is known."""
    specs = ("ids=8:int64", "mask=8:int64")
    found = nincost.profile(Masked(), input=specs, batch_size=4)
    assert found.totals.macs == 4 * 8
    assert found.assumptions == (Assumption("input", "mask", "ones", "", 0, 1),)
    given = {"ids": torch.ones(4, 8, dtype=torch.int64), "mask": torch.ones(4, 8)}
    assert nincost.profile(Masked(), input=given).assumptions == ()


def test_a_model_that_looks_at_nothing_rests_on_nothing() -> None:
    found = nincost.profile(nn.Linear(4, 4), input="4")
    assert found.assumptions == ()


class Buffered(nn.Module):
    """Compares with a mask that its constructor made."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(4, 4).tril())
        self.register_buffer("sizes", torch.tensor([1, 3]))
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        causal = torch.equal(self.mask, torch.ones(4, 4, device=x.device).tril())
        return self.layer(x[: int(self.sizes[1])] if causal else x)


def test_what_a_constructor_made_is_known() -> None:
    """Of a module that was passed in, and of one that nincost built on meta."""
    for model in (Buffered(), f"{__name__}:Buffered"):
        found = nincost.profile(model, input="4", batch_size=8)
        assert found.totals.macs == 3 * 4 * 4
        assert found.assumptions == ()


class Labels(nn.Module):
    """Sets a class for each row of a mask, as detectors do with their targets."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        scores = self.layer(x)
        target = torch.zeros_like(scores)
        target[labels >= 0, labels[labels >= 0]] = 1.0
        return (scores - target)[labels >= 0].square()


def test_a_mask_beside_an_index() -> None:
    given = {"x": torch.zeros(6, 4), "labels": torch.tensor([0, -1, 3, 2, -1, 1])}
    found = nincost.memory(Labels(), input=given, loss="sum", gpu="h100", measure=False)
    assert found.assumptions == ()
    assert found.uncounted == ()


def test_the_worst_case_gives_two_experts_everything() -> None:
    found = nincost.profile(Routed(), input="8", batch_size=32, assume="worst")
    experts = [row for row in found.layers if row.layer.startswith("experts.")]
    rows = {row.layer: row.macs for row in experts if row.macs}
    assert rows == {"experts.0": 32 * 8 * 8, "experts.1": 32 * 8 * 8}
    assert found.assumptions[0].detail == "all choose the same"
    worst = nincost.memory(
        Routed(), input="8", batch_size=32, loss="sum", measure=False, assume="worst"
    )
    assert "all choose the same" in str(worst)
    assert worst.settings["assume"] == "worst"


def test_all_of_a_mask_is_set_in_the_worst_case() -> None:
    model = Asks(lambda x: x[x[:, 0] > 0])
    found = nincost.profile(model, input="8", batch_size=4, assume="worst")
    assert found.assumptions[0].detail == "all of a mask of activations is set"
