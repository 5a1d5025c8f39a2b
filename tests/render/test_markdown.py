"""Markdown: names keep to their cells."""

from __future__ import annotations

import re

from support.hostile_names import HOSTILE, named

import nincost
from nincost._render import markdown


def test_markdown_keeps_its_columns() -> None:
    text = nincost.profile(named(*HOSTILE), input="2").to_markdown()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(HOSTILE) + 1
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 7  # six columns
    assert "<script>" not in text
    assert "\\`tick\\`" in text


def test_markdown_escape_shows_text_as_it_stands() -> None:
    assert markdown.escape("a|b<c>&d") == "a\\|b&lt;c&gt;&amp;d"
    assert markdown.escape("aten._softmax") == "aten.\\_softmax"
