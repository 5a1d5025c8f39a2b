"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nincost import _units as units


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
