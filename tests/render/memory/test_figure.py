"""The picture of a step: each category as high as it is large, the peak marked and named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.pictures import SVG, words

import nincost
from nincost._models.nin import build_variant, get_variant
from nincost._render.figures.picture import render
from nincost._render.memory import figure


@pytest.fixture(scope="module", params=[{}, {"inference": True}, {"optimizer": "Adam"}], ids=str)
def result(request):
    return nincost.memory("two-1x1", batch_size=16, measure=False, **request.param)


def heights_at_peak(picture, result):
    """Each category's thickness where the peak is, by the outlines as drawn."""
    axes = picture.axes[0]
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    place = marks[0].get_xdata()[0]
    tops = {}
    for area in axes.patches:
        points = area.get_xy()[:-2]  # the outline without its way back
        tops[area.get_gid().removeprefix("nincost-")] = (
            max((y for x, y in points if x == place), default=0)
            or [y for x, y in points if x <= place][-1]
        )
    order = [name for name in result.totals.categories_at_peak if name in tops]
    below, found = 0, {}
    for name in order:
        found[name], below = tops[name] - below, tops[name]
    return found


def test_each_category_is_as_high_as_it_is_large(result):
    picture = figure.draw(result)
    sizes = {name: size for name, size in result.totals.categories_at_peak.items() if size}
    drawn = heights_at_peak(picture, result)
    assert {name: size for name, size in drawn.items() if size} == sizes
    own = sum(
        -(-p.numel() * 4 // 512) * 512 for p in build_variant(get_variant("two-1x1")).parameters()
    )
    assert drawn["parameters"] == own


def test_the_peak_is_marked_with_its_layer_and_each_category_named(result):
    shown = words(render(figure.draw(result), "svg"))
    totals = result.totals
    assert any(w.startswith("peak ") and totals.peak_layer in w for w in shown)
    assert ("backward" in shown) is not result.settings["inference"]
    for name, size in totals.categories_at_peak.items():
        if size:
            assert any(w.startswith(name.replace("_", " ") + " ") for w in shown), name


@pytest.mark.parametrize("width", ["column", "page"])
def test_a_picture_is_small_and_has_a_shape_for_each_category(result, width):
    svg = render(figure.draw(result, width=width), "svg")
    assert len(svg) < 100_000
    for name, size in result.totals.categories_at_peak.items():
        if size:
            assert f'id="nincost-{name}"'.encode() in svg


def test_names_are_shown_as_text(result):
    hostile = "<script>alert('中🙂')</script> $x$ & \x07"
    shown = words(render(figure.draw(replace(result, model=hostile)), "svg"))
    assert any(w.startswith("<script>alert('中🙂')</script> $x$ & \\x07") for w in shown)


def test_to_timeline_writes_any_picture(result, tmp_path):
    svg = result.to_timeline(tmp_path / "step.svg")
    assert (tmp_path / "step.svg").read_text() == svg == result.to_timeline()
    assert svg.startswith("<svg")
    result.to_timeline(tmp_path / "step.pdf", width="column")
    assert (tmp_path / "step.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(nincost.OutputError, match="--force"):
        result.to_timeline(tmp_path / "step.svg")


def test_a_result_without_history_says_so(result):
    with pytest.raises(ValueError, match="no history"):
        figure.draw(replace(result, history=None))
    assert "<img" not in replace(result, history=None)._repr_html_()


def test_the_notebook_shows_the_picture_within(result):
    import base64
    import re

    html = result._repr_html_()
    data = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html)[1]
    svg = base64.b64decode(data)
    assert svg.startswith(b"<svg xmlns:xlink")
    assert SVG[1:-1].encode() in svg
    assert len(html) < 100_000
    assert "<script" not in html


def test_each_dashed_line_has_its_word():
    (axes,) = figure.draw(nincost.memory("two-1x1", suggest=False, measure=False)).axes
    dashed = [line for line in axes.lines if line.is_dashed()]
    words = [text.get_text() for text in axes.texts]
    assert words[: len(dashed)] == ["forward", "loss", "backward", "optimizer"]
