"""Output sizes of pools, against torch's."""

from __future__ import annotations

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from nincost._closed_form.formulas import pool


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 30), k=st.integers(1, 5), s=st.integers(1, 4), p=st.integers(0, 2),
    d=st.integers(1, 3), ceil=st.booleans(),
)  # fmt: skip
def test_pool_sizes_are_torchs(size: int, k: int, s: int, p: int, d: int, ceil: bool) -> None:
    assume(2 * p <= k and size + 2 * p >= d * (k - 1) + 1)
    layer = nn.MaxPool1d(k, s, p, d, ceil_mode=ceil)
    expected = tuple(layer(torch.zeros(1, 1, size)).shape)
    assert pool.window_pool(layer, ((1, 1, size),)).output_shape == expected
