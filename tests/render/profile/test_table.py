"""The table of a profile, and what it says in words."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from support.hostile_names import HOSTILE, named
from torch import nn

import nincost
from nincost._render.profile import table


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_hostile_names_fit_the_terminal(width: int) -> None:
    text = table.render(nincost.profile(named(*HOSTILE, "x" * 300), input="2"), width=width)
    assert max(map(cell_len, text.splitlines())) <= width


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
