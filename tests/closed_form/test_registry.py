"""Which modules have a hand formula."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nincost
from nincost._closed_form.formulas import linear
from nincost._closed_form.registry import formula_for


def test_a_subclass_has_the_formula_unless_its_forward_is_another() -> None:
    class Renamed(nn.Linear):
        pass

    class Changed(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return super().forward(input).relu()

    assert formula_for(Renamed(2, 2)) is linear.linear
    assert formula_for(Changed(2, 2)) is None
    assert formula_for(nn.Sequential()) is None


def old_weight_norm(layer: nn.Module) -> nn.Module:
    return torch.nn.utils.weight_norm(layer)


def prune(layer: nn.Module) -> nn.Module:
    from torch.nn.utils import prune

    return prune.l1_unstructured(layer, "weight", amount=0.3)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "change",
    [
        torch.nn.utils.parametrizations.weight_norm, torch.nn.utils.parametrizations.spectral_norm,
        old_weight_norm, prune, torch.nn.utils.spectral_norm,
    ],
)  # fmt: skip
def test_a_weight_made_from_others_is_no_disagreement(change: object) -> None:
    net = nn.Sequential(change(nn.Linear(3, 5)), nn.Linear(5, 2))  # type: ignore[operator]
    check = nincost.check(net, input="3", other_tools=False)
    assert check.ok
    assert check.totals.hand_params == check.totals.trace_params
    assert check.totals.trace_params == sum(p.numel() for p in net.parameters())
