"""What results show in a notebook: their figures, as text, without a script."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from support.hostile_names import HOSTILE, named
from support.pictures import named_model

import nincost


class Reader(HTMLParser):
    """Collects the text, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


RESULTS = {
    "profile": (lambda: nincost.profile("two-1x1"), "1,992,166"),
    "memory": (lambda: nincost.memory("two-1x1", measure=False), "peak allocated"),
    "fit": (lambda: nincost.fit("two-1x1", gpu="2GiB"), "Largest batch"),
    "compare": (lambda: nincost.compare("two-1x1", "one-1x1"), "669,884,996 (x0.879)"),
    "compare four": (
        lambda: nincost.compare("two-1x1", "one-1x1", "zero-1x1", memory=False), "577,472,640"),
    "check": (lambda: nincost.check("two-1x1"), "762,297,352"),
    "explain": (lambda: nincost.explain("two-1x1", layer="block1.conv"), "96*(11*11*1+1)"),
    "audit": (lambda: nincost.audit(params="96*(11*11*1+1) = 11712"), "block1.conv"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "figure"), RESULTS.values(), ids=RESULTS)
def test_each_result_shows_itself(make, figure, capsys):
    html = make()._repr_html_()
    reader = Reader()
    reader.feed(html)
    assert not reader.open
    assert figure in reader.text
    assert not reader.tags & {"script", "style", "iframe", "object", "link"}
    assert "color" not in html  # a dark notebook's own are kept
    assert len(html) < 100_000
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["profile", "memory", "compare", "check", "explain"])
def test_names_are_text(name):
    model = named_model()
    results = {
        "profile": lambda: nincost.profile(model, input="4"),
        "memory": lambda: replace(
            nincost.memory("two-1x1", measure=False), model="<script>alert(1)</script>"
        ),
        "compare": lambda: nincost.compare(model, "two-1x1", inputs=["4", "1x224x224"]),
        "check": lambda: nincost.check(model, input="4"),
        "explain": lambda: nincost.explain(model, input="4"),
    }
    reader = Reader()
    reader.feed(results[name]()._repr_html_())
    assert "script" not in reader.tags
    assert "<script>alert(1)</script>" in reader.text


def test_a_profiles_rows_are_closed_and_escaped() -> None:
    text = nincost.profile(named(*HOSTILE), input="2")._repr_html_()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<tr>") == text.count("</tr>") == 1 + 1 + len(HOSTILE) + 1
