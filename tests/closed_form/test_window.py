"""The size that a sliding window leaves, against torch's."""

from __future__ import annotations

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from nincost._closed_form.window import by, each, out_size


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 30), k=st.integers(1, 5), s=st.integers(1, 4), p=st.integers(0, 3),
    d=st.integers(1, 3),
)  # fmt: skip
def test_convolution_sizes_are_torchs(size: int, k: int, s: int, p: int, d: int) -> None:
    assume(size + 2 * p >= d * (k - 1) + 1)
    conv = nn.Conv1d(1, 1, k, s, p, d)
    assert out_size(size, k, s, p, d) == conv(torch.zeros(1, 1, size)).shape[-1]


def test_one_number_stands_for_each_dimension() -> None:
    assert (each(3, 2), each([3, 5], 2), by((26, 13))) == ((3, 3), (3, 5), "26x13")
