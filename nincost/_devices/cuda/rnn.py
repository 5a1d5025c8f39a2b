"""Recurrent layers on CUDA: one operator of cuDNN's, where meta tensors get a cell for each step.

aten/src/ATen/native/cudnn/RNN.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import layout, meta_kernel, rule, substitute
from nincost._devices.libraries import cudnn_rnn
from nincost._devices.memory_format import dense_copy
from nincost._devices.output_layouts import describe, row_major
from nincost._devices.rules import Action, Call, LibraryWorkspace, alloc, free, out
from nincost._devices.target import Target
from nincost._trace.meta_operators import Layouts
from nincost._trace.records import TensorMeta

_TYPES = (torch.float32, torch.float64, torch.float16)


def _acceptable(target: Target, x: Tensor) -> bool:
    """aten/src/ATen/native/RNN.cpp use_cudnn: the type, and that cuDNN may be used at all."""
    known = x.dtype in _TYPES or (x.dtype is torch.bfloat16 and target.capability >= (8, 0))
    return target.settings.cudnn and known


def _run(
    mode: int, x: Tensor, hidden: Tensor, cell: Any, rest: tuple[Any, ...], sizes: Any = ()
) -> Any:
    """`sizes`: of a packed batch, how many sequences have a step, step by step."""
    params, biases, layers, dropout, train, bidirectional, *first = rest
    batch_first = bool(first and first[0])
    per_layer = len(params) // (layers * (2 if bidirectional else 1))
    projected = per_layer > (4 if biases else 2)
    width = params[1].shape[1] if not projected else params[0].shape[0] // 4
    if dropout > 0 and train:
        byte = {"dtype": torch.uint8, "device": x.device}
        torch.ops.aten._cudnn_init_dropout_state(dropout, train, 0, **byte)
    return torch.ops.aten._cudnn_rnn(
        x, params, per_layer, None, hidden, cell, mode, width,
        hidden.shape[-1] if projected else 0, layers, batch_first, dropout, train, bidirectional,
        list(sizes), None,
    )  # fmt: skip


@substitute("aten.lstm.input")
def lstm(target: Target, x: Tensor, states: Any, *rest: Any) -> Any:
    if not _acceptable(target, x):
        return NotImplemented
    return _run(cudnn_rnn.LSTM, x, states[0], states[1], rest)[:3]


@substitute("aten.lstm.data")
def packed_lstm(target: Target, x: Tensor, sizes: Tensor, states: Any, *rest: Any) -> Any:
    if not _acceptable(target, x):
        return NotImplemented
    return _run(cudnn_rnn.LSTM, x, states[0], states[1], rest, sizes.tolist())[:3]


@substitute("aten.gru.data")
def packed_gru(target: Target, x: Tensor, sizes: Tensor, state: Tensor, *rest: Any) -> Any:
    return _of_one_state(cudnn_rnn.GRU, target, x, state, rest, sizes.tolist())


@substitute("aten.rnn_tanh.data")
def packed_rnn_tanh(target: Target, x: Tensor, sizes: Tensor, state: Tensor, *rest: Any) -> Any:
    return _of_one_state(cudnn_rnn.TANH, target, x, state, rest, sizes.tolist())


@substitute("aten.rnn_relu.data")
def packed_rnn_relu(target: Target, x: Tensor, sizes: Tensor, state: Tensor, *rest: Any) -> Any:
    return _of_one_state(cudnn_rnn.RELU, target, x, state, rest, sizes.tolist())


@substitute("aten.gru.input")
def gru(target: Target, x: Tensor, state: Tensor, *rest: Any) -> Any:
    return _of_one_state(cudnn_rnn.GRU, target, x, state, rest)


@substitute("aten.rnn_tanh.input")
def rnn_tanh(target: Target, x: Tensor, state: Tensor, *rest: Any) -> Any:
    return _of_one_state(cudnn_rnn.TANH, target, x, state, rest)


@substitute("aten.rnn_relu.input")
def rnn_relu(target: Target, x: Tensor, state: Tensor, *rest: Any) -> Any:
    return _of_one_state(cudnn_rnn.RELU, target, x, state, rest)


def _of_one_state(
    mode: int, target: Target, x: Tensor, state: Tensor, rest: tuple[Any, ...], sizes: Any = ()
) -> Any:
    if not _acceptable(target, x):
        return NotImplemented
    return _run(mode, x, state, None, rest, sizes)[:2]


@meta_kernel("aten._cudnn_init_dropout_state")
def dropout_state(_dropout: float, _train: bool, _seed: int, **_options: Any) -> Tensor:
    """Of no size here: the rule allocates it once, for good."""
    return torch.empty(0, dtype=torch.uint8, device="meta")


@rule(
    "aten._cudnn_init_dropout_state",
    source="aten/src/ATen/native/cudnn/RNN.cpp get_dropout_state; its size is a model of ours",
    kind="modelled",
)
def first_dropout(call: Call) -> list[Action]:
    """The first call with dropout draws a seed on the card, and makes the state."""
    size = cudnn_rnn.dropout_state_bytes(call.target.multiprocessors)
    return [LibraryWorkspace("cuDNN's dropout", size)]


@layout("aten._cudnn_rnn.default")
def outputs(
    x: Tensor, _weights: Any, _per_layer: int, _buffer: Any, hidden: Tensor, cell: Any,
    mode: int, width: int, projection: int, layers: int, batch_first: bool, _dropout: float,
    train: bool, bidirectional: bool, sizes: Sequence[int], _state: Any,
) -> Layouts:  # fmt: skip
    """Output, last states, the reserve of training, and a buffer of weights that is empty.

    The output is (length, batch, columns) in memory; with `batch_first` it is seen turned.
    """
    directions = 2 if bidirectional else 1
    columns = (projection or width) * directions
    length, batch = (len(sizes), sizes[0]) if sizes else x.shape[:2]
    if batch_first:
        length, batch = batch, length
    output = row_major((*x.shape[:-1], columns), x.dtype)
    if batch_first:
        shape = torch.Size((batch, length, columns))
        output = TensorMeta(shape, (columns, batch * columns, 1), x.dtype)
    reserve = cudnn_rnn.Recurrent(
        mode, x.numel() // max(1, x.shape[-1]), x.shape[-1], width, layers, directions,
        x.element_size(), train,
    ).reserve_bytes()  # fmt: skip
    empty = row_major((0,), x.dtype)
    return (
        output,
        describe(hidden)._replace(dtype=x.dtype),
        empty if cell is None else describe(cell)._replace(dtype=x.dtype),
        row_major((reserve if train else 0,), torch.uint8),
        empty,
    )


@rule(
    "aten._cudnn_rnn",
    source="aten/src/ATen/native/cudnn/RNN.cpp _cudnn_rnn; cuDNN's workspace is a model of ours",
    kind="modelled",
)
def forward(call: Call) -> list[Action]:
    """Row-major input, output, last states; a workspace; the reserve."""
    x = call.args[0]
    copy = x.bytes if call.args[10] else dense_copy(x)  # batch first: the sequence is put first
    return [
        alloc("copy", copy), out(0), out(1), out(2),
        alloc("workspace", _workspace(call, 6), "workspace"), out(3), out(4),
    ]  # fmt: skip


@rule(
    "aten._cudnn_rnn_backward",
    source="aten/src/ATen/native/cudnn/RNN.cpp _cudnn_rnn_backward; the workspace is a model",
    kind="modelled",
)
def backward(call: Call) -> list[Action]:
    """Two calls of cuDNN's, each with a row-major input and a workspace of its own.

    The first gives the gradients of input and states, the second those of the weights. A state
    whose gradient nobody has gets zeros for it.
    """
    x, hidden, cell = call.args[0], call.args[4], call.args[5]
    absent = [state for state, grad in ((hidden, 8), (cell, 9)) if state and not call.args[grad]]
    batch_first = call.args[14]
    copy, seen = (x.bytes, _turned(call.args[7])) if batch_first else (dense_copy(x), call.args[7])
    workspace = _workspace(call, 10)
    return [
        *(alloc(f"zeros {number}", state.bytes) for number, state in enumerate(absent)),
        alloc("copy", copy), alloc("gradient", dense_copy(seen) if seen else 0),
        out(0), out(1), out(2), alloc("workspace", workspace, "workspace"), free("workspace"),
        free("gradient"), free("copy"),
        alloc("copy again", copy), out(3), alloc("workspace again", workspace, "workspace"),
    ]  # fmt: skip


def _turned(tensor: TensorMeta | None) -> TensorMeta | None:
    """Seen with the sequence in front."""
    if tensor is None:
        return None
    (batch, length, *rest), (first, second, *others) = tensor.shape, tensor.stride
    return TensorMeta(torch.Size((length, batch, *rest)), (second, first, *others), tensor.dtype)


def _workspace(call: Call, first: int) -> int:
    """`first` is the position of `mode` among the operator's arguments."""
    x = call.args[0]
    mode, hidden, _, layers, _, _, training, bidirectional = call.args[first : first + 8]
    width = x.shape[-1]
    return cudnn_rnn.Recurrent(
        mode, x.elements // max(1, width), width, hidden, layers, 2 if bidirectional else 1,
        x.dtype.itemsize, training,
    ).workspace_bytes()  # fmt: skip


@meta_kernel("aten._cudnn_rnn_backward")
def gradients(
    x: Tensor, weights: Any, _per_layer: int, _buffer: Any, hidden: Tensor, cell: Any, *rest: Any
) -> Any:
    """Gradients of input and states, and those of the weights: views of one buffer."""
    batch_first = rest[8]
    buffer = x.new_empty(sum(weight.numel() for weight in weights), dtype=weights[0].dtype)
    views, start = [], 0
    for weight in weights:
        views.append(buffer[start : start + weight.numel()].view(weight.shape))
        start += weight.numel()
    made = x.new_empty(x.transpose(0, 1).shape if batch_first else x.shape)
    return (
        made.transpose(0, 1) if batch_first else made,
        hidden.new_empty(hidden.shape),
        cell.new_empty(cell.shape) if cell is not None else x.new_empty(0),
        views,
    )
