"""The tables of a run, where the terminal is narrow."""

from __future__ import annotations

from nincost._render.parts.terminal import draw
from nincost._render.run.table import _rows_table
from nincost._render.run.text import NAMES, Row


def test_a_lines_number_is_never_cut():
    """`train_resnet50.py:20 > resnet.py:…` says no line: a column of figures is left out first."""
    place = "train_resnet50.py:20 > resnet.py:155"
    parts = dict.fromkeys(NAMES, 0) | {"activations": 2**30, "temporaries": 2**28, "gradients": 9}
    row = Row(f"{place} out = self.conv3(out)", sum(parts.values()), parts, place)
    for width in (80, 120):
        table = draw([_rows_table("Line at the peak", [row], width)], width=width, color=False)
        assert f"{place} " in table
        assert max(map(len, table.splitlines())) <= width
