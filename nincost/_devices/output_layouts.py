"""Layouts of new dense tensors, and whether tensors are plain enough for a layout to be known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

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


def dense_like(tensor: Tensor, dtype: torch.dtype | None = None) -> TensorMeta:
    """What `empty_like` makes: the same order of dimensions, without gaps.

    On meta torch's own is Python, and imports sympy; it is called for unusual orders only.
    """
    if tensor.is_contiguous() or (
        tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    ):
        return TensorMeta(tensor.shape, tensor.stride(), dtype or tensor.dtype)
    return describe(torch.empty_like(tensor, dtype=dtype))


def all_plain(*tensors: Tensor | None) -> bool:
    """Whether all are floating-point, of one type, not empty and row-major in memory.

    None stands for an optional tensor that was left out.
    """
    present = [tensor for tensor in tensors if tensor is not None]
    return all(
        tensor.dtype is present[0].dtype
        and tensor.dtype.is_floating_point
        and tensor.is_contiguous()
        and tensor.numel() > 0
        for tensor in present
    )


def make_row_major(result: Any) -> Any:
    """Each tensor of a result row-major: of kernels that use `empty_like(LEGACY_CONTIGUOUS)`."""
    if isinstance(result, Tensor):
        return result.contiguous()
    return tuple(one if one is None else one.contiguous() for one in result)


def broadcast(*shapes: Sequence[int]) -> torch.Size:
    """The shape that all of them share."""
    return torch.broadcast_shapes(*shapes)  # type: ignore[no-any-return,no-untyped-call]
