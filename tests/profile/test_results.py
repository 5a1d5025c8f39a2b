"""A profile's rows: which there are, and in which order."""

from __future__ import annotations

import csv
import io

import torch
from torch import nn

import nincost


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


def test_csv_rows_are_one_per_leaf_call_site_in_order_of_execution() -> None:
    text = nincost.profile(OutOfOrder(), input="5").to_csv()
    rows = [(row["layer"], row["output_shape"]) for row in csv.DictReader(io.StringIO(text))]
    assert rows[:4] == [("first", "1x3"), ("twice", "1x3"), ("last", "1x2"), ("twice", "1x2")]
    assert [name for name, _ in rows[4:]] == ["unused"]  # never called: its parameters come last
