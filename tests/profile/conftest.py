"""Counts by brute force: loops that do what the operator does, one multiplication at a time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest


def count_convolution(
    batch: int,
    c_in: int,
    c_out: int,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> int:
    """Multiplications of a direct convolution, those with padding's zeros included."""
    out = [
        len(range(0, s + 2 * padding - dilation * (k - 1), stride))
        for s, k in zip(size, kernel, strict=True)
    ]
    count = 0
    for _image in range(batch):
        for o in range(c_out):
            group = o // (c_out // groups)
            for _place in itertools.product(*map(range, out)):
                for i in range(c_in):
                    if i // (c_in // groups) == group:
                        for _tap in itertools.product(*map(range, kernel)):
                            count += 1
    return count


def count_attention(batch: int, heads: int, length: int, source: int, depth: int) -> int:
    """Multiplications of softmax(q k^T) v, the softmax left out."""
    count = 0
    for _ in range(batch * heads):
        for _q in range(length):
            for _k in range(source):
                for _d in range(depth):
                    count += 1  # a score
                for _d in range(depth):
                    count += 1  # its part of the weighted sum
    return count


def count_recurrent(
    steps: int, batch: int, gates: int, width: int, hidden: int, out: int | None = None
) -> int:
    """Multiplications by matrices in one layer and direction of an LSTM (4 gates), GRU (3), RNN."""
    count = 0
    fed_back = hidden if out is None else out
    for _ in range(steps * batch):
        for _gate in range(gates):
            for _h in range(hidden):
                for _i in range(width):
                    count += 1
                for _i in range(fed_back):
                    count += 1
        if out is not None:
            for _o in range(out):
                for _h in range(hidden):
                    count += 1
    return count


@pytest.fixture(name="count_convolution")
def _count_convolution():
    return count_convolution


@pytest.fixture(name="count_attention")
def _count_attention():
    return count_attention


@pytest.fixture(name="count_recurrent")
def _count_recurrent():
    return count_recurrent
