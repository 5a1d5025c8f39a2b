"""Hand formulas of recurrent layers, against torch's parameters and the trace."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import nincost


@pytest.mark.parametrize(
    ("kind", "bidirectional", "num_layers", "batch_first", "bias"),
    list(
        itertools.product((nn.LSTM, nn.GRU, nn.RNN), (False, True), (1, 3), (False, True), (True,))
    ),
)
def test_recurrent_layers_by_hand_and_by_trace(
    kind: type[nn.RNNBase], bidirectional: bool, num_layers: int, batch_first: bool, bias: bool
) -> None:
    layer = kind(
        3, 4, num_layers, bidirectional=bidirectional, batch_first=batch_first, bias=bias
    )  # fmt: skip
    check = nincost.check(layer, input=torch.zeros(5, 2, 3), other_tools=False)
    assert check.ok
    assert check.totals.hand_params == sum(p.numel() for p in layer.parameters())
    assert len(check.rows) == 1


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 3)])
def test_projected_lstm(bias: bool, shape: tuple[int, ...]) -> None:
    layer = nn.LSTM(3, 6, 2, proj_size=2, bidirectional=True, bias=bias)
    check = nincost.check(layer, input=torch.zeros(shape), other_tools=False)
    assert check.ok
    assert check.totals.hand_params == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
@pytest.mark.parametrize("shape", [(2, 3), (3,)])
def test_cells(kind: type[nn.Module], shape: tuple[int, ...]) -> None:
    cell = kind(3, 4)
    check = nincost.check(cell, input=torch.zeros(shape), other_tools=False)
    assert check.ok
    assert check.totals.hand_params == sum(p.numel() for p in cell.parameters())
