"""Recurrent networks in cuDNN, which `libraries/recurrent_cuda.py` records as one operator."""

from __future__ import annotations

from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import Action, Call, out, rule, take

#: Gates of an element, by cuDNN's number of the mode: relu, tanh, LSTM, GRU.
GATES = (1, 1, 4, 3)


def _gate_bytes(call: Call, first: int) -> int:
    """Bytes of the gates of one layer and direction, over the whole sequence.

    `first` is the position of `mode` among the operator's arguments.
    """
    x = call.args[0]
    mode, hidden = call.args[first : first + 2]
    elements: int = x.elements // x.shape[-1] * GATES[mode] * hidden
    return elements * int(x.dtype.itemsize)


@rule(
    "cuda",
    "aten._cudnn_rnn",
    source="aten/src/ATen/native/cudnn/RNN.cpp _cudnn_rnn; cuDNN's workspace is a model of ours",
    kind="modelled",
)
def forward(call: Call) -> list[Action]:
    """Row-major input, output, last states; a workspace of one layer's gates; the reserve."""
    x = call.args[0]
    copy = x.bytes if call.args[10] else dense_copy(x)  # batch first: the sequence is put first
    return [
        take("copy", copy), out(0), out(1), out(2),
        take("workspace", _gate_bytes(call, 6), "workspace"), out(3), out(4),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten._cudnn_rnn_backward",
    source="aten/src/ATen/native/cudnn/RNN.cpp _cudnn_rnn_backward; the workspace is a model",
    kind="modelled",
)
def backward(call: Call) -> list[Action]:
    x = call.args[0]
    copy = x.bytes if call.args[14] else dense_copy(x)
    return [
        take("copy", copy),
        out(0), out(1), out(2),
        take("workspace", _gate_bytes(call, 10), "workspace"),
        out(3),
    ]  # fmt: skip
