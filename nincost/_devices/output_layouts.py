"""Layouts of new dense tensors, and whether tensors are plain enough for a layout to be known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nincost._devices.iterator_strides import Operand, preserved_strides
from nincost._devices.strides import dense_strides
from nincost._trace.records import TensorMeta


def describe(tensor: Tensor) -> TensorMeta:
    """A strided tensor without its data."""
    return TensorMeta(tensor.shape, tensor.stride(), tensor.dtype)


def row_major(shape: Sequence[int], dtype: torch.dtype) -> TensorMeta:
    """A new tensor, row-major and without gaps."""
    return TensorMeta(torch.Size(shape), dense_strides(shape), dtype)


def row_major_like(*tensors: Tensor) -> tuple[TensorMeta, ...]:
    """New tensors of the same shapes and types, row-major."""
    return tuple([row_major(tensor.shape, tensor.dtype) for tensor in tensors])


def operand(tensor: Tensor) -> Operand:
    """How a tensor lies in memory."""
    return Operand(tensor.shape, tensor.stride())


def dense_like(tensor: Tensor, dtype: torch.dtype | None = None) -> TensorMeta:
    """What `empty_like` makes: the same order of dimensions, without gaps."""
    return TensorMeta(tensor.shape, preserved_strides(operand(tensor)), dtype or tensor.dtype)


def all_plain(*tensors: Tensor | None) -> bool:
    """Whether all are floating-point, of one type, not empty and row-major in memory.

    So are dimensions of size 1: an image whose strides there say channels-last is none of these.
    None stands for an optional tensor that was left out.
    """
    present = [tensor for tensor in tensors if tensor is not None]
    return all(
        tensor.dtype is present[0].dtype
        and tensor.dtype.is_floating_point
        and tensor.is_contiguous()
        and tensor.numel() > 0
        and (1 not in tensor.shape or tensor.stride() == dense_strides(tensor.shape))
        for tensor in present
    )


def restrided(result: Tensor, strides: tuple[int, ...]) -> Tensor:
    """A meta tensor with these strides: itself, or a new one in its place."""
    if result.stride() == strides:
        return result
    return torch.empty_strided(result.shape, strides, dtype=result.dtype, device=result.device)


def make_row_major(result: Any) -> Any:
    """Each tensor of a result row-major: of kernels that use `empty_like(LEGACY_CONTIGUOUS)`."""
    if isinstance(result, Tensor):
        return restrided(result, dense_strides(result.shape))
    return tuple(one if one is None else make_row_major(one) for one in result)


def broadcast(*shapes: Sequence[int]) -> torch.Size:
    """The shape that all of them share."""
    return torch.broadcast_shapes(*shapes)  # type: ignore[no-any-return,no-untyped-call]
