"""The picture of a comparison, against what single profiles and predictions say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.pictures import NAMES, bars, named_model, names, words
from torch import nn

import nincost
from nincost._render.compare import figure
from nincost._render.figures.picture import render


def test_compare_draws_totals_and_the_layers_that_differ():
    result = nincost.compare("two-1x1", "one-1x1")
    picture = figure.draw(result)
    totals = picture.axes[:4]
    assert bars(totals[0]) == [1_992_166, 1_769_112]
    assert bars(totals[1]) == [762_297_352, 669_884_996]
    trained = [nincost.memory(n, measure=False).totals for n in ("two-1x1", "one-1x1")]
    assert bars(totals[3]) == [t.peak_allocated_bytes for t in trained]
    layers = picture.axes[4:]
    left = [t.get_text() for t in layers[0].texts if t.get_ha() == "right"]
    assert left[0] == "- block1.conv1x1_2"
    assert len(left) == 8  # four convolutions and their ReLUs
    assert sum(bars(layers[0])) == 1_992_166 - 1_769_112
    assert sum(bars(layers[1])) == 762_297_352 - 669_884_996
    shown = words(render(picture, "svg"))
    assert "669.9 M (x0.879)" in shown
    assert "Layers that differ: 22 the same, 8 removed (-)" in shown


def test_a_model_stands_without_its_source():
    models = ("torchvision:resnet18", "torchvision:resnet34")
    picture = figure.draw(nincost.compare(*models, memory=False))
    assert names(picture)[:2] == ["resnet18", "resnet34"]
    assert "torchvision" not in words(render(picture, "svg"))


@pytest.mark.parametrize("width", ["column", "page"])
def test_more_than_two_are_compared_by_their_totals(width):
    models = ("two-1x1", "one-1x1", "zero-1x1", "fc-head")
    picture = figure.draw(nincost.compare(*models, memory=False), width=width)
    assert names(picture) == list(models)
    assert sum(bars(picture.axes[0])) == (1_992_166 + 1_769_112 + 1_546_058 + 58_105_354)


def test_many_layers_that_differ_are_added_up():
    wide, narrow = (nn.Sequential(*(nn.Linear(n, n) for _ in range(100))) for n in (4, 3))
    picture = figure.draw(nincost.compare(wide, narrow, inputs=["4", "3"], memory=False))
    layers = picture.axes[3:]
    left = [t.get_text() for t in layers[0].texts if t.get_ha() == "right"]
    assert left[-1] == "71 others"
    assert sum(bars(layers[0])) == 100 * (4 * 5 + 3 * 4)
    assert picture.height < 10


def test_names_are_shown_as_text():
    result = nincost.compare(named_model(), nn.Sequential(nn.ReLU()), inputs=["4"])
    shown = words(render(figure.draw(result), "svg"))
    assert {f"- {name}" for name in NAMES.values()} <= set(shown)
    html = result._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_training_that_could_not_be_predicted_is_not_known():
    result = replace(nincost.compare("two-1x1", "one-1x1"), training=(1 << 20, None))
    assert "not known" in words(render(figure.draw(result), "svg"))
    assert "<td>- (-)</td>" in result._repr_html_()
