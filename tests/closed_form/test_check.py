"""Hand formulas against the trace over whole networks, and what a disagreement looks like."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nincost
from nincost._closed_form import registry
from nincost._closed_form.terms import term


@pytest.mark.parametrize(
    "model",
    [
        "two-1x1", "one-1x1", "cifar10", "fc-head", "torchvision:alexnet", "torchvision:vgg11_bn",
        "torchvision:resnet18", "torchvision:densenet121", "torchvision:vit_b_32",
        "torchvision:mobilenet_v2", "torchvision:r3d_18",
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_hand_and_trace_agree(model: str, mode: str) -> None:
    result = nincost.check(model, other_tools=False, mode=mode, batch_size=2)
    assert [row for row in result.rows if row.verdict == "differs"] == []
    assert result.ok
    profile = nincost.profile(model, mode=mode, batch_size=2)
    assert result.totals.trace_macs == profile.totals.macs == result.totals.hand_macs
    assert result.totals.hand_params == profile.totals.params


def test_two_1x1_by_every_tool() -> None:
    totals = nincost.check("two-1x1").totals
    published = 762_297_352
    assert totals.hand_macs == totals.trace_macs == published
    assert totals.fvcore_macs == published + 10 * 5 * 5  # it adds the global pool's additions
    assert totals.flop_counter_macs == published
    assert totals.hand_params == totals.trace_params == 1_992_166


def test_a_wrong_hand_formula_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = registry._FORMULAS[nn.Linear]

    def wrong(module: Any, shapes: Any) -> registry.Working:
        good = right(module, shapes)
        return registry.Working(good.params[:1], (*good.macs, term("b", out=5)), (1, 2, 3))

    monkeypatch.setitem(registry._FORMULAS, nn.Linear, wrong)
    result = nincost.check(nn.Sequential(nn.Linear(4, 5), nn.ReLU()), input="4", other_tools=False)
    assert not result.ok
    (bad,) = [row for row in result.rows if row.verdict == "differs"]
    assert bad.layer == "0"
    assert bad.note == "parameters by -5; MACs by +5; output shape 1x2x3 by hand"
    assert "Differs" in str(result)


def test_functions_have_rows_of_their_own() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x) @ self.fc.weight

    result = nincost.check(Net(), input="4", other_tools=False)
    assert [(r.layer, r.verdict, r.trace_macs) for r in result.rows] == [
        ("fc", "agrees", 16), ("Net [aten.mm]", "trace only", 16),
    ]  # fmt: skip
    assert result.totals.trace_only_macs == 16


def test_a_layer_called_twice_and_tied_weights() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 4, bias=False)
            self.b = nn.Linear(4, 4, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(self.a(self.a(x)))

    result = nincost.check(Net(), input="4", other_tools=False)
    assert [(r.layer, r.calls, r.hand_macs) for r in result.rows] == [("a", 2, 32), ("b", 1, 16)]
    assert result.totals.hand_params == result.totals.trace_params == 16
    assert any("shared" in note for note in result.notes)


def test_an_input_that_a_formula_does_not_know_is_no_disagreement() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(3, 4)

        def forward(self, x: torch.Tensor) -> Any:
            return self.lstm(nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 2])))[1]

    assert nincost.check(Net(), input=torch.zeros(5, 2, 3), other_tools=False).ok
