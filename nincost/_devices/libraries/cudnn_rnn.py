"""Recurrent layers as cuDNN runs them: one operator, where meta tensors get a cell for each step.

aten/src/ATen/native/cudnn/RNN.cpp. The reserve, which backward reads, is a model of ours: cuDNN's
size is not documented.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.substitutes import meta_kernel, substitute
from nincost._devices.target import Target

#: cuDNN's numbers of the modes.
_RELU, _TANH, _LSTM, _GRU = range(4)

#: MODELLED: values that the reserve keeps of each element of the hidden state: gates and states.
_RESERVED = {_RELU: 2, _TANH: 2, _LSTM: 6, _GRU: 5}

_TYPES = (torch.float32, torch.float64, torch.float16)


def _acceptable(target: Target, given: Tensor) -> bool:
    known = given.dtype in _TYPES or (given.dtype is torch.bfloat16 and target.capability >= (8, 0))
    return target.settings.cudnn and known and given.dim() == 3


def _run(mode: int, given: Tensor, hidden: Tensor, cell: Any, rest: tuple[Any, ...]) -> Any:
    params, biases, layers, dropout, train, bidirectional, batch_first = rest
    per_layer = len(params) // (layers * (2 if bidirectional else 1))
    projected = per_layer > (4 if biases else 2)
    width = params[1].shape[1] if not projected else params[0].shape[0] // 4
    return torch.ops.aten._cudnn_rnn(
        given, params, per_layer, None, hidden, cell, mode, width,
        hidden.shape[-1] if projected else 0, layers, batch_first, dropout, train, bidirectional,
        [], None,
    )  # fmt: skip


@substitute("cuda", "lstm.input")
def lstm(target: Target, given: Tensor, states: Any, *rest: Any) -> Any:
    if not _acceptable(target, given):
        return NotImplemented
    return _run(_LSTM, given, states[0], states[1], rest)[:3]


@substitute("cuda", "gru.input")
def gru(target: Target, given: Tensor, state: Tensor, *rest: Any) -> Any:
    if not _acceptable(target, given):
        return NotImplemented
    return _run(_GRU, given, state, None, rest)[:2]


@substitute("cuda", "rnn_tanh.input")
def rnn_tanh(target: Target, given: Tensor, state: Tensor, *rest: Any) -> Any:
    if not _acceptable(target, given):
        return NotImplemented
    return _run(_TANH, given, state, None, rest)[:2]


@substitute("cuda", "rnn_relu.input")
def rnn_relu(target: Target, given: Tensor, state: Tensor, *rest: Any) -> Any:
    if not _acceptable(target, given):
        return NotImplemented
    return _run(_RELU, given, state, None, rest)[:2]


@meta_kernel("cuda", "_cudnn_rnn_backward")
def _backward(
    given: Tensor, weights: Any, _per_layer: int, _buffer: Any, hidden: Tensor, cell: Any,
    *rest: Any,
) -> Any:  # fmt: skip
    """Gradients of input and states, and those of the weights: views of one buffer."""
    batch_first = rest[8]
    buffer = given.new_empty(sum(weight.numel() for weight in weights), dtype=weights[0].dtype)
    views, start = [], 0
    for weight in weights:
        views.append(buffer[start : start + weight.numel()].view(weight.shape))
        start += weight.numel()
    made = given.new_empty(given.transpose(0, 1).shape if batch_first else given.shape)
    return (
        made.transpose(0, 1) if batch_first else made,
        hidden.new_empty(hidden.shape),
        cell.new_empty(cell.shape) if cell is not None else given.new_empty(0),
        views,
    )


def forward_shapes(
    given: Tensor, hidden: Tensor, cell: Any, mode: int, width: int, projection: int, layers: int,
    batch_first: bool, train: bool, bidirectional: bool,
) -> list[tuple[tuple[int, ...], tuple[int, ...], torch.dtype]]:  # fmt: skip
    """Shape, strides and type of output, last states, reserve and weight buffer."""
    length, batch = given.shape[:2]
    if batch_first:
        length, batch = batch, length
    directions = 2 if bidirectional else 1
    columns = (projection or width) * directions
    kept = length * batch * layers * directions * width * _RESERVED[mode] * given.element_size()
    if batch_first:
        output = (batch, length, columns), (columns, batch * columns, 1)
    else:
        output = (length, batch, columns), (batch * columns, columns, 1)
    made = [(*output, given.dtype), (tuple(hidden.shape), hidden.stride(), given.dtype)]
    if cell is None:
        made.append(((0,), (1,), given.dtype))
    else:
        made.append((tuple(cell.shape), cell.stride(), given.dtype))
    return [*made, ((kept if train else 0,), (1,), torch.uint8), ((0,), (1,), given.dtype)]
