"""Rows added up for a picture: as many as asked for at most, and nothing lost."""

from __future__ import annotations

import pytest
from torch import nn

import nincost
from nincost._report.bars import bars

SUMS = ("params", "macs", "elementwise_flops", "activation_elements", "activation_bytes")


def deep(levels: int) -> nn.Module:
    """A binary tree of modules with 2**levels Linear layers as its leaves."""
    if not levels:
        return nn.Linear(4, 4)
    return nn.Sequential(deep(levels - 1), deep(levels - 1))


@pytest.mark.parametrize("most", [3, 8, 40])
@pytest.mark.parametrize(
    "net",
    [
        deep(6),
        nn.Sequential(*(nn.Linear(4, 4) for _ in range(100))),
        nn.TransformerEncoderLayer(4, 2),
        nn.Linear(4, 4),
    ],
    ids=["deep", "flat", "transformer", "leaf"],
)
def test_bars_add_up_and_are_few(net: nn.Module, most: int) -> None:
    profile = nincost.profile(net, input="3x4" if "Transformer" in type(net).__name__ else "4")
    shown = bars(profile, most)
    assert len(shown) <= max(most, 2)
    for name in SUMS:
        assert sum(getattr(row, name) for row in shown) == getattr(profile.totals, name)


def test_modules_are_opened_as_deep_as_there_is_room() -> None:
    profile = nincost.profile(deep(6), input="4")
    assert [len(bars(profile, most)) for most in (4, 31, 32, 63, 64)] == [4, 16, 32, 32, 64]
    assert [row.module for row in bars(profile, 4)] == ["0.0", "0.1", "1.0", "1.1"]


def test_neighbours_on_one_level_go_together() -> None:
    profile = nincost.profile(nn.Sequential(*(nn.Linear(4, 4) for _ in range(100))), input="4")
    shown = bars(profile, 40)
    assert len(shown) == 34
    assert shown[0].layer == "0 … 2"
    assert shown[0].params == 3 * 20
    assert shown[-1].layer == "99"
