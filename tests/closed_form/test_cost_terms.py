"""What each layer costs, term by term, against sums by hand."""

from __future__ import annotations

import torch
from torch import nn

import nincost
from nincost._closed_form.cost_terms import CostTerms, costed_layers
from nincost._models.sources import resolve
from nincost._trace.trace import trace


class Tied(nn.Module):
    """A layer that runs twice, one that shares its weight, a product outside, a loose parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.first = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.tied(self.first(self.first(x)))
        return (y * self.scale) @ self.first.weight


def costs(model: nn.Module, input: str, batch: int = 1) -> dict[str, CostTerms]:
    traced = trace(resolve(model), input, batch_size=batch)
    return {one.name: one.cost for one in costed_layers(traced)}


def test_shared_parameters_count_in_their_first_layer_and_the_rest_in_rows_of_its_own() -> None:
    found = costs(Tied(), "4", 3)
    assert list(found) == ["first", "tied", "Tied [aten.mm]", "scale"]
    assert [cost.params for cost in found.values()] == [4 * 4 + 4, 4, 0, 4]
    assert [cost.macs for cost in found.values()] == [2 * 3 * 16, 3 * 16, 3 * 16, 0]
    assert found["first"].mac_terms[0].numbers == "2*3*4*4"  # calls, rows, in, out
    assert found["tied"].param_terms == ()  # its formula has the shared weight in it
    assert found["tied"].type == "Linear"


def test_flops_are_the_macs_terms_with_a_factor_two() -> None:
    cost = costs(nn.Sequential(nn.Linear(5, 7)), "5")["0"]
    assert cost.amount("flops") == 2 * cost.amount("macs") == 70
    (flops,) = cost.terms("flops")
    assert (flops.symbols, flops.numbers) == ("2*rows*in*out", "2*1*5*7")


def test_a_window_has_a_number_for_each_dimension() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 8, (3, 5), stride=2, padding="valid", dilation=(2, 1)),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding="same", groups=4),
    )
    found = list(costs(net, "3x16x16").values())
    first, pool, last = (cost.window for cost in found)
    assert first is not None
    assert pool is not None
    assert last is not None
    assert (first.size, first.kernel, first.stride) == ((16, 16), (3, 5), (2, 2))
    assert (first.padding, first.dilation) == ((0, 0), (2, 1))
    assert (pool.kernel, pool.stride, pool.size) == ((2, 2), (2, 2), (6, 6))
    assert (last.padding, last.size) == ((1, 1), (3, 3))
    assert [cost.channels for cost in found] == [3, 8, 8]
    assert [cost.groups for cost in found] == [1, 1, 4]


def test_the_layers_add_up_to_the_profile() -> None:
    for name in ("torchvision:resnet18", "torchvision:vit_b_32"):
        totals = nincost.profile(name).totals
        layers = costed_layers(trace(resolve(name)))
        assert sum(one.cost.params for one in layers) == totals.params
        assert sum(one.cost.macs for one in layers) == totals.macs
