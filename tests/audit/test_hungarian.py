"""The cheapest assignment, against trying all of them."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from nincost._audit.hungarian import assign


@settings(max_examples=80, deadline=None)
@given(st.tuples(st.integers(0, 5), st.integers(0, 2)).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(-3, 9), min_size=sum(size), max_size=sum(size)),
        min_size=size[0], max_size=size[0],
    )
))  # fmt: skip
def test_no_assignment_is_cheaper(cost: list[list[int]]) -> None:
    columns = assign(cost)
    width = len(cost[0]) if cost else 0
    assert len(set(columns)) == len(cost) == len(set(columns) & set(range(width)))
    cheapest = min(
        sum(row[column] for row, column in zip(cost, order, strict=True))
        for order in permutations(range(width), len(cost))
    )
    assert sum(row[column] for row, column in zip(cost, columns, strict=True)) == cheapest
