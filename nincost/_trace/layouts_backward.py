"""Layouts of what the commonest operators of losses and backward passes give.

As `layouts`, whose registry they join: one plain case each, and None for everything else.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from nincost._trace.layouts import _plain, _row_major, layout
from nincost._trace.records import TensorMeta

Layouts = tuple[TensorMeta, ...] | None


def _like(*tensors: Tensor) -> Layouts:
    return tuple([_row_major(t.shape, t.dtype) for t in tensors]) if _plain(*tensors) else None


@layout("aten.nll_loss_forward.default")
def nll_loss(given: Tensor, target: Tensor, _weight: Any, reduction: int, _ignore: int) -> Layouts:
    if given.dim() != 2 or target.shape != given.shape[:1] or reduction == 0 or not _plain(given):
        return None
    scalar = _row_major((), given.dtype)
    return None if target.dtype is not torch.int64 else (scalar, scalar)


@layout("aten.nll_loss_backward.default")
def nll_loss_backward(grad: Tensor, given: Tensor, target: Tensor, *_: Any) -> Layouts:
    fits = given.dim() == 2 and grad.dim() == 0 and target.shape == given.shape[:1]
    return _like(given) if fits and target.dtype is torch.int64 else None


@layout("aten._log_softmax_backward_data.default", "aten._softmax_backward_data.default")
def softmax_backward(grad: Tensor, output: Tensor, dim: int, dtype: torch.dtype) -> Layouts:
    fits = grad.shape == output.shape and -output.dim() <= dim < output.dim()
    return _like(output) if fits and dtype is output.dtype and _plain(grad, output) else None


@layout("aten.gelu_backward.default")
def gelu_backward(grad: Tensor, given: Tensor, approximate: str = "none") -> Layouts:
    fits = grad.shape == given.shape and approximate in ("none", "tanh")
    return _like(given) if fits and _plain(grad, given) else None


@layout("aten.native_batch_norm_backward.default")
def batch_norm_backward(
    grad: Tensor, given: Tensor, weight: Any, _mean: Any, _var: Any, _save_mean: Any,
    _save_invstd: Any, _train: bool, _eps: float, mask: list[bool],
) -> Layouts:  # fmt: skip
    fits = weight is not None and all(mask) and given.dim() == 4 and grad.shape == given.shape
    if not fits or not _plain(grad, given, weight):
        return None
    channels = _row_major(given.shape[1:2], given.dtype)
    return (_row_major(given.shape, given.dtype), channels, channels)


@layout("aten.native_layer_norm_backward.default")
def layer_norm_backward(
    grad: Tensor, given: Tensor, normalized: Any, _mean: Any, _rstd: Any, weight: Any, bias: Any,
    mask: list[bool],
) -> Layouts:  # fmt: skip
    present = weight is not None and bias is not None and all(mask) and grad.shape == given.shape
    if not present or not _plain(grad, given, weight, bias):
        return None
    affine = _row_major(normalized, given.dtype)
    return (_row_major(given.shape, given.dtype), affine, affine)


@layout("aten.select_backward.default")
def select_backward(grad: Tensor, sizes: Any, dim: int, _index: int) -> Layouts:
    fits = -len(sizes) <= dim < len(sizes) and _plain(grad)
    return (_row_major(sizes, grad.dtype),) if fits else None


@layout("aten.max_pool2d_with_indices_backward.default")
def max_pool_backward(grad: Tensor, given: Tensor, *_: Any) -> Layouts:
    return _like(given) if given.dim() == 4 and _plain(grad, given) else None


@layout("aten.convolution_backward.default")
def convolution_backward(
    grad: Tensor, given: Tensor, weight: Tensor, bias: Any, _stride: Any, _padding: Any,
    _dilation: Any, transposed: bool, _output_padding: Any, _groups: int, mask: list[bool],
) -> Layouts:  # fmt: skip
    if transposed or not all(mask) or bias is None or not _plain(grad, given, weight):
        return None
    one = _row_major(bias, grad.dtype)
    return (_row_major(given.shape, grad.dtype), _row_major(weight.shape, grad.dtype), one)


@layout("aten.embedding_dense_backward.default")
def embedding_backward(grad: Tensor, _indices: Tensor, rows: int, *_: Any) -> Layouts:
    return (_row_major((rows, grad.shape[-1]), grad.dtype),) if _plain(grad) else None


@layout("aten.div.Scalar")
def divide(given: Tensor, other: Any) -> Layouts:
    """A mean's backward divides an expanded gradient: row-major, where its strides descend.

    Dimensions of stride 0 stay where they are (aten/src/ATen/TensorIterator.cpp,
    reorder_dimensions).
    """
    strides = [stride for stride in given.stride() if stride]
    fits = given.dtype.is_floating_point and not isinstance(other, complex) and given.numel() > 0
    if not fits or any(first <= second for first, second in itertools.pairwise(strides)):
        return None
    return (_row_major(given.shape, given.dtype),)


@layout("aten.native_dropout.default")
def dropout(given: Tensor, _p: float, train: bool | None) -> Layouts:
    if not train or not _plain(given):
        return None
    return (_row_major(given.shape, given.dtype), _row_major(given.shape, torch.bool))


@layout("aten.native_dropout_backward.default")
def dropout_backward(grad: Tensor, mask: Tensor, _scale: float) -> Layouts:
    return _like(grad) if grad.shape == mask.shape and _plain(grad) else None


@layout("aten.ones_like.default", "aten.zeros_like.default", "aten.empty_like.default")
def ones_like(given: Tensor, **options: Any) -> Layouts:
    plain = (None, torch.preserve_format, torch.contiguous_format)
    changed = options.get("memory_format") not in plain or any(
        options.get(name) is not None for name in ("dtype", "layout", "device")
    )
    return None if changed else _like(given)
