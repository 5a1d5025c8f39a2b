"""Networks side by side: what was added shows as added, and the totals are the profiles'."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

import nincost


def statuses(comparison: nincost.Comparison) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in comparison.layers:
        found.setdefault(row.status, []).append(row.layer)
    return found


def test_an_added_1x1_shows_as_added() -> None:
    comparison = nincost.compare("one-1x1", "two-1x1")
    found = statuses(comparison)
    assert found["added"] == [
        f"block{b}.{name}" for b in (1, 2, 3, 4) for name in ("conv1x1_2", "relu_2")
    ]
    assert set(found) == {"same", "added"}
    assert comparison.total("params") == (1_769_112, 1_992_166)
    assert comparison.ratios("params")[1] == pytest.approx(1_992_166 / 1_769_112)
    backwards = statuses(nincost.compare("two-1x1", "one-1x1"))
    assert backwards["removed"] == found["added"]


def test_numbered_names_that_shift_do_not_hide_the_sequence() -> None:
    def layers(*extra: nn.Module) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), *extra, nn.Conv2d(4, 8, 3), nn.Sigmoid()
        )

    plain, longer = layers(), layers(nn.Conv2d(4, 4, 1), nn.ReLU())
    comparison = nincost.compare(plain, longer, inputs=["1x9x9"])
    added = [row for row in comparison.layers if row.status == "added"]
    assert [row.type for row in added] in (["Conv2d", "ReLU"], ["ReLU", "Conv2d"])
    assert sum(row.change("params") for row in comparison.layers) == 20
    assert [row.status for row in comparison.layers].count("same") == 4


def test_a_layer_that_both_have_is_paired_with_itself() -> None:
    comparison = nincost.compare("resnet18", "resnet50", memory=False)
    pairs = [(row.left, row.right) for row in comparison.layers if row.left and row.right]
    # torchvision names blocks alike: whatever resnet18 has, resnet50 has by the same name.
    assert len(pairs) == len(comparison.profiles[0].layers)
    assert [left.layer for left, _ in pairs] == [right.layer for _, right in pairs]
    assert "layer2.0.downsample.0" in [left.layer for left, _ in pairs]


def test_names_win_where_types_change() -> None:
    one = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), act=nn.ReLU()))
    other = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 5), act=nn.GELU()))
    comparison = nincost.compare(one, other, inputs=["1x9x9"])
    assert [(row.layer, row.status) for row in comparison.layers] == [
        ("conv", "changed"),
        ("act", "changed"),
    ]
    assert comparison.layers[1].type == "ReLU -> GELU"
    assert comparison.layers[0].change("params") == 2 * (25 - 9)


def test_one_model_at_two_inputs_and_batches() -> None:
    sizes = nincost.compare("two-1x1", inputs=["1x224x224", "1x96x96"])
    assert sizes.total("params") == (1_992_166, 1_992_166)
    assert sizes.total("macs")[1] == nincost.profile("two-1x1", input="1x96x96").totals.macs
    batches = nincost.compare("two-1x1", batch_sizes=[1, 128])
    assert batches.total("macs") == (762_297_352, 128 * 762_297_352)
    assert batches.names == ("two-1x1 batch 1", "two-1x1 batch 128")


@pytest.mark.parametrize(
    ("left", "right"), [("two-1x1", "fc-head"), ("torchvision:resnet18", "torchvision:resnet34"),
                        ("cifar10", "imagenet")],
)  # fmt: skip
def test_changes_add_up_to_the_totals(left: str, right: str) -> None:
    comparison = nincost.compare(left, right)
    for name in ("params", "macs", "activation_elements"):
        first, second = comparison.total(name)
        assert sum(row.change(name) for row in comparison.layers) == second - first
    lefts = [row.left for row in comparison.layers if row.left]
    assert tuple(lefts) == comparison.profiles[0].layers
    rights = [row.right for row in comparison.layers if row.right]
    assert tuple(rights) == comparison.profiles[1].layers


def test_more_than_two_and_formats() -> None:
    many = nincost.compare("two-1x1", "one-1x1", "zero-1x1")
    assert many.layers == ()
    assert "x0.776" in str(many)
    assert many.to_csv().splitlines()[0].startswith("model,input,batch_size,params")
    assert "1,546,058" in many.to_markdown()
    two = nincost.compare("two-1x1", "one-1x1")
    document = two.to_dict()
    assert document["ratios"]["macs"][1] == pytest.approx(0.8788, abs=1e-4)
    assert two.to_csv().count("removed") == 8
    assert two.to_markdown().count("| removed |") == 8


def test_columns_and_order_of_every_table() -> None:
    view = nincost.ComparisonView(("model", "macs", "macs_ratio"), sort="macs")
    many = nincost.compare("zero-1x1", "two-1x1", "one-1x1", memory=False)
    lines = ["model,macs,macs_ratio", "two-1x1,762297352,1.3201", "one-1x1,669884996,1.16",
             "zero-1x1,577472640,1.0"]  # fmt: skip
    assert many.to_csv(view=view).splitlines() == lines
    assert [row.split(" & ")[0] for row in many.to_latex(view=view).splitlines()[5:8]] == [
        "two-1x1", "one-1x1", "zero-1x1",
    ]  # fmt: skip
    assert "| two-1x1 | 762,297,352 | 1.3201 |" in many.to_markdown(view=view)
    assert "two-1x1   762.3 M      x1.320" in many.to_table(view=view)
    by_macs = many.to_table(view=nincost.ComparisonView(sort="macs", exact=True)).splitlines()
    assert [line.split()[0] for line in by_macs[4:]] == ["two-1x1", "one-1x1", "zero-1x1"]
    assert "577,472,640" in by_macs[-1]
    frame = many.to_dataframe()
    assert list(frame["macs_ratio"]) == [1.0, 1.3201, 1.16]
    assert list(frame["macs"]) == [577_472_640, 762_297_352, 669_884_996]

    two = nincost.compare("two-1x1", "one-1x1", memory=False)
    by_change = nincost.ComparisonView(("layer", "macs"), sort="macs")
    rows = two.to_csv(view=by_change).splitlines()
    assert rows[:2] == [
        "layer,left_macs,right_macs,macs_change", "block2.conv1x1_2,44302336,0,-44302336",
    ]  # fmt: skip
    assert len(rows) == len(two.layers) + 1
    assert two.to_table(view=by_change).count("block") == 8  # those that differ
    assert two.to_csv(view=view).splitlines()[1] == "two-1x1,762297352,1.0"
    with pytest.raises(nincost.InputError, match="no column 'layer': choose from model"):
        many.to_csv(view=nincost.ComparisonView(("layer",)))


@pytest.mark.parametrize(
    ("models", "options", "words"),
    [
        ((), {}, "no model"),
        (("two-1x1",), {}, "one model alone"),
        (("two-1x1", "one-1x1"), {"batch_sizes": [1, 2, 3]}, "there are 2 models, but 3 columns"),
        (("two-1x1", "one-1x2"), {}, "did you mean 'one-1x1'"),
    ],
)
def test_mistakes(models: tuple[str, ...], options: dict[str, object], words: str) -> None:
    with pytest.raises(nincost.InputError, match=words):
        nincost.compare(*models, **options)  # type: ignore[arg-type]


def test_training_memory_is_what_memory_predicts() -> None:
    comparison = nincost.compare("two-1x1", "one-1x1", batch_sizes=[4], gpu="rtx3060")
    alone = [
        nincost.memory(name, batch_size=4, gpu="rtx3060", suggest=False, measure=False)
        for name in ("two-1x1", "one-1x1")
    ]
    peaks = tuple(step.totals.peak_allocated_bytes for step in alone)
    assert comparison.total("training_bytes") == peaks
    assert comparison.to_dict()["totals"]["training_bytes"] == list(peaks)
    speeds = comparison.total("examples_per_second")
    rate = nincost.time("one-1x1", batch_size=4, gpu="rtx3060").totals.examples_per_second
    assert speeds[1] == pytest.approx(rate)
    assert "Training memory" in str(comparison)
    assert f"{rate:,.1f}" in str(comparison)
    assert "examples_per_second_ratio" in comparison.by_model().columns
    of_a_size = nincost.compare("two-1x1", batch_sizes=[1, 2], gpu="24GiB")
    assert of_a_size.training
    assert not of_a_size.speeds  # a size has no speed
    assert not nincost.compare("two-1x1", "one-1x1", memory=False).training


def test_a_network_that_cannot_be_trained_says_why() -> None:
    class NoLoss(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.long()  # has no gradient

    comparison = nincost.compare("two-1x1", NoLoss(), inputs=["1x224x224"])
    assert comparison.training[0]
    assert comparison.training[1] is None
    assert "NoLoss: no training step could be predicted" in comparison.notes[0]
    assert comparison.ratios("training_bytes") == (1.0, None)
