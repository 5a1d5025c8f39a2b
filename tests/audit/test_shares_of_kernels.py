"""Shares and sizes of what their own clause names: kernels, blocks, pools."""

from __future__ import annotations

import pytest

import nincost

SHARES = (
    "Parameters: the 1x1s own 22% of them, the 3x3 of the third block 44%, the 5x5 31%, "
    "the first 11x11 a mere 0.6%."
)


def verdicts(text: str, what: str) -> list[tuple[str, str]]:
    found = nincost.audit(f"It has 1,992,166 parameters.\n{text}\n").figures
    return [(one.subject, one.verdict) for f in found if f.what == what for one in f.figures]


def test_each_share_is_of_its_own_kernel() -> None:
    found = verdicts(SHARES, "shares")
    assert [verdict for _, verdict in found] == ["right"] * 4
    assert found[1][0].startswith("block3.conv")


@pytest.mark.parametrize(("right", "wrong"), [("44%", "59%"), ("31%", "37%"), ("22%", "33%")])
def test_a_share_of_the_whole_block_is_wrong_of_its_kernel(right: str, wrong: str) -> None:
    assert [v for _, v in verdicts(SHARES.replace(right, wrong), "shares")].count("wrong") == 1


def test_a_kernel_and_a_stride_are_no_number_of_a_pool() -> None:
    text = "output shapes\nblock 1 (11x11, stride 4): 96 x 54 x 54\n-> pool 3/2: 96 x {0} x {0}"
    assert verdicts(text.format(26), "shapes")[-1] == ("pool1", "right")
    assert verdicts(text.format(27), "shapes")[-1] == ("pool1", "wrong")
