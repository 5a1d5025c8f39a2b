"""The cheapest assignment, against trying all of them."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from nincost._audit.hungarian import assign


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 5).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(-3, 9), min_size=n, max_size=n), min_size=n, max_size=n
    )
))  # fmt: skip
def test_no_assignment_is_cheaper(cost: list[list[int]]) -> None:
    columns = assign(cost)
    assert sorted(columns) == list(range(len(cost)))
    cheapest = min(
        sum(row[column] for row, column in zip(cost, order, strict=True))
        for order in permutations(range(len(cost)))
    )
    assert sum(row[column] for row, column in zip(cost, columns, strict=True)) == cheapest
