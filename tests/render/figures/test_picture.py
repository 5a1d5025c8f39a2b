"""Pictures as files and figures: formats, sizes, the same bytes, settings untouched, fonts."""

from __future__ import annotations

import io
import itertools
import shutil
import subprocess

import matplotlib
import pytest
from matplotlib.figure import Figure
from PIL import Image
from support.pictures import NAMES, named_model, words

import nincost
from nincost._render.figures import lettering
from nincost._render.figures.picture import Picture, render
from nincost._render.figures.style import (
    CATEGORY_FILLS,
    MODEL_FILLS,
    WIDTHS,
    count_scale,
    count_tick,
    size_scale,
    size_tick,
)
from nincost._render.profile import figure as profile


@pytest.fixture(scope="module")
def result():
    return nincost.profile("two-1x1")


@pytest.mark.parametrize(("width", "wide"), [("column", 3.4), ("page", 7.0), (5.5, 5.5)])
def test_each_format_has_the_width_asked_for(result, tmp_path, width, wide):
    for ending in ("svg", "png", "pdf"):
        figure = result.plot(tmp_path / f"picture.{ending}", width=width)
        assert isinstance(figure, Figure)
    svg = (tmp_path / "picture.svg").read_text()
    assert f'width="{wide * 72:g}pt"' in svg
    assert "<title>two-1x1 on 1x1x224x224 (batch 1, eval mode)</title>" in svg
    assert "two-1x1 on 1x1x224x224 (batch 1, eval mode)" in words(svg)
    image = Image.open(tmp_path / "picture.png")
    assert image.width == pytest.approx(wide * 300, abs=1)
    grey = image.convert("L")
    assert grey.getextrema()[0] < 60  # something is there,
    assert grey.histogram()[255] > grey.width * grey.height / 2  # on white
    assert (tmp_path / "picture.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_a_pdfs_text_can_be_read_and_searched(result, tmp_path):
    result.plot(tmp_path / "picture.pdf")
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "picture.pdf", "-"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "block2.conv1x1_1" in done.stdout
    assert "415.3 M" in done.stdout


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_the_same_picture_gives_the_same_bytes(result, format):
    first = render(profile.draw(result), format)
    assert render(profile.draw(nincost.profile("two-1x1")), format) == first
    assert b"2026" not in first or format != "svg"


def test_a_wrong_width_ending_or_existing_file_is_refused(result, tmp_path):
    for width in ("wide", 1, 1000, "nan", None):
        with pytest.raises(nincost.InputError, match="expected column"):
            result.plot(width=width)
    with pytest.raises(nincost.OutputError, match=r"end it in \.svg, \.png, \.pdf"):
        result.plot(tmp_path / "picture.gif")
    path = tmp_path / "picture.svg"
    result.plot(path)
    with pytest.raises(nincost.OutputError, match="--force"):
        result.plot(path)
    result.plot(path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["picture.svg"]


def test_the_users_settings_neither_matter_nor_change(result):
    plain = render(profile.draw(result), "svg")
    odd = {
        "text.usetex": True, "axes.facecolor": "black", "font.family": "serif", "axes.grid": True,
        "svg.fonttype": "path", "font.size": 30, "savefig.bbox": "tight", "text.parse_math": True,
    }  # fmt: skip
    with matplotlib.rc_context(odd):
        before = dict(matplotlib.rcParams)
        assert render(profile.draw(result), "svg") == plain
        assert dict(matplotlib.rcParams) == before
        saved = io.BytesIO()
        result.plot().savefig(saved, format="png")  # as anybody saves any figure
    assert Image.open(saved).width == pytest.approx(700, abs=10)


def test_a_notebook_shows_the_figure(result):
    figure = result.plot(width="column")
    assert isinstance(figure, Picture)
    data, size = figure._repr_png_()
    assert Image.open(io.BytesIO(data)).width == 2 * size["width"]
    assert size["width"] == round(3.4 * 96)


def test_a_character_without_a_font_is_its_escape_in_png_and_pdf(monkeypatch, tmp_path):
    only = [e for e in lettering.font_manager.fontManager.ttflist if "DejaVu" in e.name]
    monkeypatch.setattr(lettering.font_manager.fontManager, "ttflist", only)
    lettering._family_of.cache_clear()
    try:
        figure = nincost.profile(named_model(), input="4").plot(tmp_path / "names.svg")
        shown = [text.get_text() for text in figure.texts_within()]
    finally:
        lettering._family_of.cache_clear()
    assert {r"\u4e2d\u6587\u5c42", "$x_1$", r"\frac{a}{b}"} <= set(shown)
    assert set(NAMES.values()) <= set(words((tmp_path / "names.svg").read_bytes()))


def test_fallback_fonts_draw_what_the_base_lacks():
    chinese = lettering._family_of("中")
    if chinese is None:
        pytest.skip("no font here has Chinese")
    assert lettering.families(["a中"]) == [lettering.BASE, chinese]
    assert lettering.without_missing("a中") == "a中"


@pytest.mark.parametrize(("text", "size"), [("block1.conv", 8), ("中文", 8), ("é̂", 8)])
def test_shortened_text_fits(text, size):
    whole = lettering.text_width(text * 20, size)
    for room in (whole, whole / 2, whole / 9):
        short = lettering.shorten(text * 20, room, size)
        assert lettering.text_width(short, size) <= room + 1e-9
    assert lettering.shorten(text, 10, size) == text


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_categories_differ_in_black_and_white():
    shades = [luminance(color) for color, _ in CATEGORY_FILLS.values()]
    assert shades == sorted(shades)
    for fills in (list(CATEGORY_FILLS.values()), MODEL_FILLS):
        for (one, hatch), (other, other_hatch) in itertools.pairwise(fills):
            assert hatch != other_hatch or abs(luminance(one) - luminance(other)) > 0.15


@pytest.mark.parametrize("most", [1, 511, 1 << 20, (1 << 30) + 1, 7 << 40])
def test_a_scale_of_sizes_has_three_to_six_steps_and_one_unit(most):
    step, top = size_scale(most)
    assert top - step < most <= top <= 6 * step
    units = {size_tick(n * step, top).partition(" ")[2] for n in range(1, top // step + 1)}
    assert len(units) == 1


@pytest.mark.parametrize("most", [1, 9, 10, 999, 762_297_352, 10**15 + 1])
def test_a_scale_of_counts_has_steps_of_1_2_or_5(most):
    step, top = count_scale(most)
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert top - step < most <= top <= 4 * step
    assert count_tick(0, top) == "0"


def test_widths_are_those_of_a_paper():
    assert WIDTHS == {"column": 3.4, "page": 7.0}
