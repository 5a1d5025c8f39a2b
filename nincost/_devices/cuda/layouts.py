"""Layouts of what CUDA's operators give, where meta's kernels give others or none at all.

The same form as `nincost._trace.layouts`: for other arguments a function gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from nincost._devices.libraries.cudnn_rnn import forward_shapes
from nincost._trace.channels_last import suggests_channels_last
from nincost._trace.layouts import LAYOUTS, Layout
from nincost._trace.meta_corrections import row_major
from nincost._trace.records import TensorMeta

_CUDA: dict[str, Layout] = {}


def _as_normalized(result: Any, args: tuple[Any, ...]) -> Any:
    """Batch norm's gradient in its input's form, whatever form the output's gradient has."""
    gradient, given = result[0], args[1]
    if gradient is None:
        return result
    last = torch.channels_last if given.dim() == 4 else torch.channels_last_3d
    in_last = suggests_channels_last(given.shape, given.stride())
    form = last if in_last else torch.contiguous_format
    return (gradient.contiguous(memory_format=form), *result[1:])


#: Operators that CUDA lays out otherwise than meta, where their CPU kernels need not.
CUDA_LAYOUTS: Mapping[Any, Callable[[Any, tuple[Any, ...]], Any]] = {
    # native/group_norm.cpp: the CPU's keep channels-last
    torch.ops.aten.native_group_norm.default: row_major,
    torch.ops.aten.native_group_norm_backward.default: row_major,
    # native/cudnn/BatchNorm.cpp cudnn_batch_norm_backward
    torch.ops.aten.native_batch_norm_backward.default: _as_normalized,
}


def cuda_layouts() -> dict[str, Layout]:
    """All layouts on CUDA: the common ones, and those here before them."""
    return {**LAYOUTS, **_CUDA}


def _layout(*operators: str) -> Callable[[Layout], Layout]:
    def keep(function: Layout) -> Layout:
        for operator in operators:
            _CUDA[operator] = function
        return function

    return keep


def _meta(tensor: Tensor) -> TensorMeta:
    return TensorMeta(tensor.shape, tensor.stride(), tensor.dtype)


def _like(tensor: Tensor, dtype: torch.dtype | None = None) -> TensorMeta:
    """What `empty_like` gives: the same order of dimensions, without gaps.

    On meta torch's own is Python, and imports sympy.
    """
    if tensor.is_contiguous() or (
        tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    ):
        return TensorMeta(tensor.shape, tensor.stride(), dtype or tensor.dtype)
    return _meta(torch.empty_like(tensor, dtype=dtype))


def _dense(shape: Any, dtype: torch.dtype) -> TensorMeta:
    return _meta(torch.empty(shape, dtype=dtype, device="meta"))


@_layout("aten.native_dropout.default")
def native_dropout(given: Tensor, _p: float, _train: Any) -> tuple[TensorMeta, ...]:
    """aten/src/ATen/native/cuda/Dropout.cu: a mask of bytes with the input's strides."""
    return _like(given), _like(given, torch.bool)


@_layout("aten.mish_backward.default")
def mish_backward(_grad: Tensor, given: Tensor) -> tuple[TensorMeta, ...]:
    """aten/src/ATen/native/cuda/ActivationMishKernel.cu."""
    return (_like(given),)


@_layout("aten._fused_rms_norm.default")
def fused_rms_norm(
    given: Tensor, normalized: Any, _weight: Any, _eps: Any
) -> tuple[TensorMeta, ...]:
    """aten/src/ATen/native/cuda/layer_norm_kernel.cu: the reciprocal root mean squares are kept."""
    kept = given.shape[: given.dim() - len(normalized)]
    wide = torch.float64 if given.dtype is torch.float64 else torch.float32
    return _dense(given.shape, given.dtype), _dense((*kept, *[1] * len(normalized)), wide)


@_layout("aten._fused_rms_norm_backward.default")
def fused_rms_norm_backward(
    _grad: Tensor, given: Tensor, _normalized: Any, _rstd: Any, weight: Any, mask: Any
) -> tuple[TensorMeta, ...] | None:
    if weight is None or not all(mask):
        return None
    return _dense(given.shape, given.dtype), _dense(weight.shape, weight.dtype)


@_layout("aten._cudnn_rnn.default")
def cudnn_rnn(
    given: Tensor, _weights: Any, _per_layer: int, _buffer: Any, hidden: Tensor, cell: Any,
    mode: int, width: int, projection: int, layers: int, batch_first: bool, _dropout: float,
    train: bool, bidirectional: bool, *_: Any,
) -> tuple[TensorMeta, ...]:  # fmt: skip
    """aten/src/ATen/native/cudnn/RNN.cpp _cudnn_rnn."""
    shapes = forward_shapes(
        given, hidden, cell, mode, width, projection, layers, batch_first, train, bidirectional
    )
    return tuple(TensorMeta(torch.Size(shape), stride, dtype) for shape, stride, dtype in shapes)


@_layout("aten.native_dropout_backward.default")
def native_dropout_backward(grad: Tensor, _mask: Tensor, _scale: float) -> tuple[TensorMeta, ...]:
    """aten/src/ATen/native/cuda/Dropout.cu: dense, in the gradient's order of dimensions."""
    return (_like(grad),)


@_layout("aten.ones_like.default", "aten.zeros_like.default", "aten.empty_like.default")
def like(given: Tensor, **options: Any) -> tuple[TensorMeta, ...] | None:
    plain = {"pin_memory": False, "memory_format": torch.preserve_format}
    same = all(plain.get(name) == value or value is None for name, value in options.items())
    dense = given.is_meta and given.layout is torch.strided and given.is_contiguous()
    return (_like(given),) if same and dense else None
