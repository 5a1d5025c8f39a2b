"""What is shown of a profile: however it is cut, the rows add up to the totals."""

from __future__ import annotations

import pytest

import nincost
from nincost._profile.view import View, flat_rows, tree_rows


@pytest.mark.parametrize("depth", [1, 2, 3, 9])
@pytest.mark.parametrize("model", ["two-1x1", "torchvision:resnet18", "torchvision:vit_b_32"])
def test_sums_hold_at_each_depth(model: str, depth: int) -> None:
    result = nincost.profile(model)
    view = View(depth=depth)
    for name in ("params", "macs", "activation_bytes", "elementwise_flops"):
        total = getattr(result.totals, name)
        assert sum(getattr(row, name) for row in flat_rows(result, view)) == total
        first = tree_rows(result, view)[0]
        assert getattr(first.cost, name) == total
        assert (
            sum(getattr(r.cost, name) for r in tree_rows(result, view) if not r.is_group) == total
        )


def test_a_tree_shows_each_row_once() -> None:
    result = nincost.profile("torchvision:vit_b_32")
    drawn = [row for row in tree_rows(result, View(depth=99)) if not row.is_group]
    assert sorted(r.cost.layer for r in drawn) == sorted(r.layer for r in result.layers)


def test_sorted_rows_are_the_same_rows() -> None:
    result = nincost.profile("torchvision:resnet18")
    macs = [row.macs for row in flat_rows(result, View(sort="macs"))]
    assert macs == sorted((row.macs for row in result.layers), reverse=True)
    assert [row.macs for row in flat_rows(result, View(sort="macs", top=3))] == macs[:3]


@pytest.mark.parametrize(
    "options", [{"depth": 0}, {"top": 0}, {"sort": "mac"}, {"columns": ("layers",)}]
)
def test_a_view_that_cannot_be_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(nincost.InputError):
        View(**options)  # type: ignore[arg-type]
