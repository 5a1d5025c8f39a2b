"""Recurrent layers, against loops over steps, gates and units."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import nincost
from nincost._profile.rnn import cudnn_rnn
from nincost._trace.records import TensorMeta

T, B, IN, H = 4, 2, 3, 5


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    ("kind", "gates", "options"),
    [
        (nn.RNN, 1, {}),
        (nn.RNN, 1, {"nonlinearity": "relu", "bias": False}),
        (nn.GRU, 3, {}),
        (nn.LSTM, 4, {}),
        (nn.LSTM, 4, {"num_layers": 2}),
        (nn.LSTM, 4, {"bidirectional": True}),
        (nn.GRU, 3, {"bidirectional": True, "num_layers": 2}),
        (nn.LSTM, 4, {"proj_size": 2}),
        (nn.LSTM, 4, {"proj_size": 2, "bidirectional": True, "num_layers": 3}),
        (nn.LSTM, 4, {"num_layers": 2, "dropout": 0.5, "bias": False}),
    ],
)
def test_a_recurrent_layer_is_its_loop(
    count_recurrent: Any, kind: Any, gates: int, options: dict[str, Any], batch_first: bool,
    device: str,
) -> None:  # fmt: skip
    layer = kind(IN, H, batch_first=batch_first, **options)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> Any:
            if device == "cpu" and x.sum().numpy() < 0:  # a question that meta cannot answer
                return x
            return self.layer(x)

    shape = (B, T, IN) if batch_first else (T, B, IN)
    result = nincost.profile(Net(), input=torch.zeros(shape), on_cpu=True)
    assert result.device == device
    directions = 2 if options.get("bidirectional") else 1
    out = options.get("proj_size")
    expected = 0
    for depth in range(options.get("num_layers", 1)):
        width = IN if depth == 0 else (out or H) * directions
        expected += directions * count_recurrent(T, B, gates, width, H, out)
    assert result.totals.macs == expected
    assert result.totals.params == sum(p.numel() for p in layer.parameters())
    assert result.layers[-1].output_shape == layer(torch.zeros(shape))[0].shape
    assert not result.uncounted


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNNCell, 1), (nn.GRUCell, 3), (nn.LSTMCell, 4)])
def test_a_cell_is_one_step(count_recurrent: Any, kind: Any, gates: int) -> None:
    result = nincost.profile(kind(IN, H), input=str(IN), batch_size=B)
    assert result.totals.macs == count_recurrent(1, B, gates, IN, H)


def test_packed_sequences_cost_the_steps_that_they_hold(count_recurrent: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(IN, H)

        def forward(self, x: torch.Tensor) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([4, 2]))
            return self.lstm(packed)

    result = nincost.profile(Net(), input=torch.zeros(T, B, IN))
    assert result.totals.macs == count_recurrent(6, 1, 4, IN, H)  # 4 steps and 2 steps


def test_packed_sequences_have_steps_of_their_own() -> None:
    """cuDNN's operator gets [steps, width] of them, and [length, batch, width] of others."""
    weights = (of(1024, 128), of(1024, 256), of(1024), of(1024))
    counts = [
        cudnn_rnn(SimpleNamespace(args=(given, weights)))  # type: ignore[arg-type]
        for given in (of(100, 128), of(20, 5, 128))
    ]
    assert counts == [100 * 1024 * (128 + 256)] * 2


def of(*shape: int) -> TensorMeta:
    return TensorMeta(torch.Size(shape), (), torch.float32)
