"""Renderers: safe cells for spreadsheets, Markdown and HTML; numbers as people read them."""

from __future__ import annotations

import csv as csv_module
import io
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import nincost
from nincost import _units as units
from nincost._render import markdown
from nincost._render.profile import notebook, table

HOSTILE = ["=1+1", "+cmd", "-x", "@SUM(A1)", "a|b", "<script>", "`tick`", "a,b", 'q"q', "[x](y)",
           "multi\nline", "*bold*", "a&b", "\tTab", "中文", "🙂"]  # fmt: skip


def named(*names: str) -> nn.Module:
    """A model whose layers have these names."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in names:
                self.add_module(name, nn.Linear(2, 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for child in self.children():
                x = child(x)
            return x

    return Net()


def test_a_spreadsheet_runs_no_cell() -> None:
    text = nincost.profile(named(*HOSTILE), input="2").to_csv()
    cells = [row["layer"] for row in csv_module.DictReader(io.StringIO(text))]
    assert len(cells) == len(HOSTILE)
    for cell, name in zip(cells, HOSTILE, strict=True):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        shown = name.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        assert cell in (shown, f"'{shown}")


def test_markdown_keeps_its_columns() -> None:
    text = nincost.profile(named(*HOSTILE), input="2").to_markdown()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(HOSTILE) + 1
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 7  # six columns
    assert "<script>" not in text
    assert "\\`tick\\`" in text


def test_html_is_escaped() -> None:
    text = notebook.render(nincost.profile(named(*HOSTILE), input="2"))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<tr>") == text.count("</tr>") == 1 + 1 + len(HOSTILE) + 1


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_hostile_names_fit_the_terminal(width: int) -> None:
    from rich.cells import cell_len

    text = table.render(nincost.profile(named(*HOSTILE, "x" * 300), input="2"), width=width)
    assert max(map(cell_len, text.splitlines())) <= width


class OutOfOrder(nn.Module):
    """Runs its layers in another order than it declares them, and one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(3, 2)
        self.twice = nn.ReLU()
        self.unused = nn.Linear(9, 9)
        self.first = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.twice(self.last(self.twice(self.first(x))))


def test_csv_rows_are_one_per_leaf_call_site_in_order() -> None:
    text = nincost.profile(OutOfOrder(), input="5").to_csv()
    rows = [(row["layer"], row["output_shape"]) for row in csv_module.DictReader(io.StringIO(text))]
    assert rows[:4] == [("first", "1x3"), ("twice", "1x3"), ("last", "1x2"), ("twice", "1x2")]
    assert [name for name, _ in rows[4:]] == ["unused"]  # never called: its parameters come last
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (999, "999"), (1000, "1.000 k"), (9_999, "9.999 k"), (99_990, "99.99 k"),
        (762_297_352, "762.3 M"), (999_949_999, "999.9 M"), (999_990_000, "1.000 G"),
        (10**12, "1.000 T"),
    ],
)  # fmt: skip
def test_counts(value: int, text: str) -> None:
    assert units.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.000 KiB"), (12_650_392, "12.06 MiB"),
     (24 * 2**30, "24.00 GiB"), (2**40, "1.000 TiB")],
)  # fmt: skip
def test_sizes(value: int, text: str) -> None:
    assert units.size(value) == text


@given(st.integers(0, 10**20))
def test_units_are_within_a_thousandth(value: int) -> None:
    for text, powers, step in (
        (units.count(value), ["", *"kMGTPE"], 1000),
        (units.size(value).replace("B", "").replace("i", ""), ["", *"KMGTPE"], 1024),
    ):
        number, _, unit = text.partition(" ")
        shown = float(number) * step ** powers.index(unit.strip())
        assert abs(shown - value) <= max(0.0006 * value, 0.5)


def test_markdown_escape_shows_text_as_it_stands() -> None:
    assert markdown.escape("a|b<c>&d") == "a\\|b&lt;c&gt;&amp;d"
    assert markdown.escape("aten._softmax") == "aten.\\_softmax"


def test_a_single_leaf_has_a_table() -> None:
    text = str(nincost.profile(nn.Linear(3, 4), input="3"))
    assert "Linear" in text
    assert "16 (all trainable)" in text


def test_words_answer_the_textbooks_questions() -> None:
    net = nn.Sequential(nn.Linear(3, 4).requires_grad_(False), nn.BatchNorm1d(4))
    text = str(nincost.profile(net, input="3", batch_size=5))
    assert "24 (8 trainable, 16 frozen)" in text
    assert "60 MACs = 120 FLOPs for a batch of 5" in text
    assert re.search(r"Buffers\s+9 values", text)
