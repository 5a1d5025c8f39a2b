"""The picture of a profile: its bars are the model's figures, its names are shown as they are."""

from __future__ import annotations

import pytest
import torchvision
from support.pictures import NAMES, bars, named_model, names, words
from torch import nn

import nincost
from nincost._profile.view import View
from nincost._render.figures.picture import render
from nincost._render.profile import figure

#: two-1x1 by hand: Dive into Deep Learning 7.3, for each convolution k*k*C_in*C_out + C_out.
CONVOLUTIONS = {
    "block1.conv": 11 * 11 * 1 * 96 + 96, "block1.conv1x1_1": 96 * 96 + 96,
    "block1.conv1x1_2": 96 * 96 + 96, "block2.conv": 5 * 5 * 96 * 256 + 256,
    "block2.conv1x1_1": 256 * 256 + 256, "block2.conv1x1_2": 256 * 256 + 256,
    "block3.conv": 3 * 3 * 256 * 384 + 384, "block3.conv1x1_1": 384 * 384 + 384,
    "block3.conv1x1_2": 384 * 384 + 384, "block4.conv": 3 * 3 * 384 * 10 + 10,
    "block4.conv1x1_1": 10 * 10 + 10, "block4.conv1x1_2": 10 * 10 + 10,
}  # fmt: skip


@pytest.mark.parametrize("width", ["column", "page", 5])
def test_nin_has_a_bar_for_each_layer_as_long_as_by_hand(width):
    picture = figure.draw(nincost.profile("two-1x1"), width=width)
    drawn = dict(zip(names(picture), bars(picture.axes[0]), strict=True))
    assert len(drawn) == 30
    assert {name: size for name, size in drawn.items() if size} == CONVOLUTIONS
    assert sum(bars(picture.axes[1])) == 762_297_352
    assert sum(bars(picture.axes[2])) == 4 * 3_162_598


def test_deep_modules_are_added_up_and_nothing_is_left_out():
    picture = figure.draw(nincost.profile("torchvision:resnet50"))
    model = torchvision.models.resnet50()
    drawn = dict(zip(names(picture), bars(picture.axes[0]), strict=True))
    assert 16 < len(drawn) <= 40
    for name, size in drawn.items():
        assert size == sum(p.numel() for p in model.get_submodule(name).parameters())
    assert sum(drawn.values()) == 25_557_032  # torchvision's documentation


@pytest.mark.parametrize("nested", [False, True])
def test_two_thousand_layers_fit_a_page(nested):
    layers = [nn.Linear(2, 2) for _ in range(2000)]
    model = nn.Sequential(*layers) if not nested else nn.Sequential(nn.Sequential(*layers))
    picture = figure.draw(nincost.profile(model, input="2"))
    drawn = bars(picture.axes[0])
    assert len(drawn) <= 40
    assert sum(drawn) == 2000 * 6
    assert picture.height < 9
    assert names(picture)[0] == ("0.0 … 49" if nested else "0 … 49")


def test_a_view_picks_rows_columns_and_order():
    view = View(sort="macs", top=3, columns=("layer", "macs", "activation_elements"))
    picture = figure.draw(nincost.profile("two-1x1"), view=view)
    assert names(picture) == ["block2.conv", "block3.conv", "block2.conv1x1_1", "27 others"]
    macs = bars(picture.axes[0])
    assert macs[0] == 26 * 26 * 5 * 5 * 96 * 256
    assert sum(macs) == 762_297_352
    assert [axes.get_title(loc="left") for axes in picture.axes] == ["MACs", "Activation values"]
    shallow = figure.draw(nincost.profile("two-1x1"), view=View(depth=1))
    assert names(shallow)[:2] == ["block1", "pool1"]
    with pytest.raises(nincost.InputError, match="choose 1 to 4"):
        figure.draw(nincost.profile("two-1x1"), view=View(columns=("layer", "type")))


def test_names_are_shown_as_text():
    shown = words(render(figure.draw(nincost.profile(named_model(), input="4")), "svg"))
    assert set(NAMES.values()) <= set(shown)
    assert "Net on 1x4 (batch 1, eval mode)" in shown


def test_long_names_lose_whole_parts_in_front():
    class Net(nn.Sequential):
        pass

    model = Net()
    model.add_module("_".join(["x" * 9] * 9) + "_end", nn.Linear(2, 2))
    (name,) = names(figure.draw(nincost.profile(model, input="2"), width="column"))
    assert set(name.removeprefix("…").split("_")) == {"x" * 9, "end"}
    assert name.startswith("…")
    assert name.endswith("x_end")


def test_axes_begin_at_0_and_have_a_second_tick():
    picture = figure.draw(nincost.profile("two-1x1"), width="column")
    for axes in picture.axes:
        ticks = [tick.get_text() for tick in axes.get_xticklabels()]
        assert ticks[0] == "0"
        assert len(ticks) > 1


def test_a_model_without_parameters_or_layers_has_a_picture():
    for model in (nn.ReLU(), nn.Identity()):
        assert words(render(figure.draw(nincost.profile(model, input="2")), "svg"))
