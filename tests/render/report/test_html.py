"""Pages as files: complete, escaped, closed to the network, and true to their data. No browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from typing import Any

import pytest
from torch import nn

import nincost
from nincost.errors import printable

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")

#: Names that would run, end a script, or end a cell if they were taken for HTML or JavaScript.
NASTY = [
    "<script>window['hacked']=1</script>", "</script><script>hacked=1</script>", "<!--", "]]>",
    "'\"><img src=x onerror=hacked=1>", "a&amp;b", "{{ 7*7 }}", "卷积层", "🔥", "\u2028", "${x}",
]  # fmt: skip


class Page(HTMLParser):
    """A page's tags, and the text of its cells, scripts and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in {*self._open}:
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def nasty_net() -> nn.Module:
    net = nn.Sequential()
    for name in NASTY:
        net.add_module(name.replace(".", "_"), nn.Linear(256, 256))
    return net


@pytest.fixture(scope="module")
def report() -> nincost.Report:
    return nincost.report(
        nasty_net(), input="256", batch_size=2, gpu="rtx4090", suggest=False, measure=False
    )


@pytest.fixture(scope="module")
def html(report: nincost.Report) -> str:
    return report.to_html()


@pytest.fixture(scope="module")
def compared() -> str:
    return nincost.compare(nasty_net(), nasty_net()[:3], inputs=["256"], memory=False).to_html()


@pytest.fixture(params=["report", "compare"])
def page(request: pytest.FixtureRequest, html: str, compared: str) -> str:
    return html if request.param == "report" else compared


def test_the_policy_names_each_script_and_style_and_nothing_else(page: str) -> None:
    parsed = Page(page)
    (meta,) = [m for m in parsed.all("meta") if m.get("http-equiv")]
    policy = dict(
        part.split(" ", 1) for part in str(meta["content"]).split("; ")
    )  # fmt: skip
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in str(policy)
    blocks = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(blocks) == 3
    styles = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert len(styles) == 2
    for key, contents in (("script-src", blocks), ("style-src", styles)):
        hashes = {
            "'sha256-" + base64.b64encode(hashlib.sha256(c.encode()).digest()).decode() + "'"
            for c in contents
        }
        assert set(policy[key].split()) == hashes


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    parsed = Page(page)
    assert {tag for tag, _ in parsed.tags} & {"link", "img", "iframe", "object", "embed"} == set()
    for tag, attributes in parsed.tags:
        for name in ("src", "href", "style", "srcset"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert "@import" not in page
    assert "url(" not in "".join(re.findall(r"<style>(.*?)</style>", page, re.S))


def test_names_are_text(page: str) -> None:
    parsed = Page(page)
    cells = "\n".join(parsed.texts["th"])
    for name in NASTY[:3] if "Only what differs" in page else NASTY:
        assert printable(name.replace(".", "_")) in cells
    assert len(parsed.all("script")) == 4  # three of ours, and the data


def test_the_data_block_is_json_that_nothing_in_it_can_end(html: str) -> None:
    (block,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', html, re.S)
    assert "<" not in block
    charts = json.loads(block)
    assert set(charts) == {"by-macs", "by-params", "by-activation", "step", "batch", "roof"}
    places = {str(div.get("id")) for div in Page(html).all("div") if div.get("id")}
    assert places == set(charts)
    names = {row.layer for row in nincost.profile(nasty_net(), input="256").layers}
    shown = json.dumps(charts["by-macs"], ensure_ascii=False)
    assert all(json.dumps(name, ensure_ascii=False)[1:-1] in shown for name in names)


def test_rows_and_totals_are_the_profiles(html: str, report: nincost.Report) -> None:
    body = html[html.index('<table class="layers">') : html.index("</table>")]
    rows = re.findall(r"<tr data-d=\d+(?: hidden)?>(.*?)\n", body)
    assert len(rows) == len(report.profile.layers)
    macs = [int(row.split("<td>")[4].replace(",", "")) for row in rows]
    assert macs == [layer.macs for layer in report.profile.layers]
    foot = body[body.index("<tfoot>") :]
    totals = report.profile.totals
    assert [int(v) for v in re.findall(r'data-v="?(\d+)', foot)] == [
        totals.params, totals.macs, totals.elementwise_flops, totals.activation_bytes,
    ]  # fmt: skip


def test_it_says_how_each_figure_was_obtained_and_how_to_make_it_again(
    html: str, report: nincost.Report
) -> None:
    parsed = Page(html)
    text = " ".join("".join(parsed.texts["main"]).split())
    assert set(re.findall(r'class="badge (\w+)"', html)) == {"exact", "modelled"}
    assert report.created in text
    assert f"torch {report.environment['torch']}" in text
    assert "nincost.report(Sequential, input='256', batch_size=2, gpu='rtx4090'" in text
    for rule in report.training.rules:
        assert " ".join(rule.source.split()) in text


def test_missing_parts_are_left_out_and_said(report: nincost.Report) -> None:
    from dataclasses import replace

    bare = replace(
        report, training=None, inference=None, curve=None, batches=None, roofline=None,
        missing={"training": "it has <no> loss", "roofline": "no peak is known"},
    )  # fmt: skip
    page = bare.to_html()
    assert "it has &lt;no&gt; loss" in page
    assert "Roofline: not predicted: no peak is known" in page
    assert 'id="step"' not in page
    assert 'id="batch"' not in page


def measured(memory: nincost.Memory) -> nincost.Memory:
    """The prediction with a made-up measurement beside it, 10% above it."""
    from dataclasses import replace

    from nincost._measure.results import Measured

    totals = memory.totals
    more = {
        name: round(getattr(totals, name) * 1.1)
        for name in ("peak_allocated_bytes", "peak_reserved_bytes", "process_bytes")
    }
    found = Measured(
        **more, peak_phase="backward", categories_at_peak={}, phases={}, device="Tape recorder",
        versions={"torch": "1.2.3"}, steps=4,
    )  # fmt: skip
    return replace(memory, totals=replace(totals, measured=found))


def test_a_measurement_stands_beside_the_prediction(report: nincost.Report) -> None:
    from dataclasses import replace

    page = replace(report, training=measured(report.training)).to_html()
    text = " ".join("".join(Page(page).texts["main"]).split())
    assert "Predicted and measured" in text
    assert "-9.09%" in text
    assert "4 real steps on Tape recorder" in text
    assert "Predicted and measured" not in report.to_html()


def test_a_page_is_small_and_the_same_each_time(html: str, report: nincost.Report) -> None:
    assert len(html.encode()) < 1_000_000
    assert report.to_html() == html


def test_a_page_has_room_for_thousands_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    net = nn.Sequential(*(
        nn.Sequential(nn.Conv2d(64, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.Identity())
        for _ in range(500)
    ))  # fmt: skip
    profile = nincost.profile(net, input="64x1200x1200")
    assert len(profile.layers) == 2000
    small = nincost.report(nn.Linear(2, 2), input="2", suggest=False, measure=False)
    from nincost._report.bars import bars

    large = replace(small, profile=profile, bars=bars(profile))
    page = large.to_html()
    assert len(page.encode()) < 1_500_000
    assert "rows are added up" not in page
    monkeypatch.setattr("nincost._render.report.html._MOST", 1000)
    page = large.to_html()
    assert "2,000 rows are added up to 500 here" in page
    body = page[page.index('<table class="layers">') : page.index("<tfoot>")]
    rows = re.findall(r"<tr data-d=\d+(?: hidden)?>(.*?)\n", body)
    macs = [int(row.split("<td>")[4].replace(",", "")) for row in rows]
    assert (len(macs), sum(macs)) == (500, profile.totals.macs)


@pytest.mark.parametrize("missing", ["jinja2", "vl_convert"])
def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, nincost_cli: Any, missing: str
) -> None:
    from nincost._render.page import shell

    shell._environment.cache_clear()
    monkeypatch.setitem(sys.modules, missing, None)
    done = nincost_cli("report", "--format", "html")
    assert done.status == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert "pip install jinja2 'vl-convert-python<2'" in done.err
    assert missing in done.err


def test_the_interpreter_is_the_one_that_vl_convert_has() -> None:
    from nincost._render.page import vega

    script = vega.library()
    assert "expressionInterpreter" in script
    assert "BSD-3-Clause" in script
    assert len(script) < 700_000
