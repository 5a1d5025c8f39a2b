"""The picture of a step: well-formed, escaped, and true to the prediction."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

import nincost
from nincost.render import timeline_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", params=[{}, {"inference": True}, {"optimizer": "Adam"}], ids=str)
def result(request):
    return nincost.memory("two-1x1", batch_size=16, measure=False, **request.param)


def test_it_is_one_picture_with_a_shape_for_each_category(result):
    root = ElementTree.fromstring(timeline_svg.render(result))
    assert root.tag == f"{SVG}svg"
    drawn = {shape.find(f"{SVG}title").text for shape in root.iter(f"{SVG}polygon")}
    present = {
        name.replace("_", " ") for name, size in result.totals.categories_at_peak.items() if size
    }
    assert present <= drawn
    assert not [e for e in root.iter() if e.tag.endswith(("script", "image"))]


def test_the_peak_is_marked_with_its_layer(result):
    root = ElementTree.fromstring(timeline_svg.render(result))
    words = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert any(w.startswith("peak ") and result.totals.peak_layer in w for w in words)
    assert "forward" in words
    assert ("backward" in words) is not result.settings["inference"]


def test_every_point_lies_in_the_picture(result):
    root = ElementTree.fromstring(timeline_svg.render(result))
    width, height = (int(root.get(name)) for name in ("width", "height"))
    for shape in root.iter(f"{SVG}polygon"):
        for pair in shape.get("points").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_names_are_escaped(result):
    text = timeline_svg.render(replace(result, model="<script>alert(1)</script>&"))
    assert "<script>" not in text
    ElementTree.fromstring(text)


@pytest.mark.parametrize("most", [1, 511, 1 << 20, (1 << 30) + 1, 7 << 40])
def test_the_scale_has_three_to_six_steps(most):
    step, top = timeline_svg._scale(most)
    assert top >= most
    assert top - step < most
    assert top // step <= 6


def test_it_is_written_and_not_overwritten(result, tmp_path):
    path = tmp_path / "step.svg"
    text = result.to_timeline(path)
    assert path.read_text() == text
    with pytest.raises(nincost.OutputError, match="--force"):
        result.to_timeline(path)
