"""Pools on meta tensors, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import layout
from nincost._devices.output_layouts import all_plain, row_major, row_major_like
from nincost._trace.meta_operators import Layouts


def window_positions(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool
) -> int:
    """Positions of a sliding window: floor((H + 2p - d(k-1) - 1)/s) + 1 (torch.nn.MaxPool2d).

    With `ceil` the quotient is rounded up, and a window that would begin in the padding left out.
    """
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil:
        return span // stride + 1
    out = -(-span // stride) + 1
    return out - 1 if (out - 1) * stride >= size + padding else out


@layout("aten.max_pool2d_with_indices.default")
def max_pool(
    x: Tensor, kernel: Any, stride: Any = (), padding: Any = (0, 0), dilation: Any = (1, 1),
    ceil_mode: bool = False,
) -> Layouts | None:  # fmt: skip
    """Maxima, and their places as int64."""
    sizes = _pooled(x, kernel, stride, padding, dilation, ceil_mode)
    if sizes is None:
        return None
    shape = (*x.shape[:2], *sizes)
    return row_major(shape, x.dtype), row_major(shape, torch.int64)


@layout("aten.avg_pool2d.default")
def avg_pool(
    x: Tensor, kernel: Any, stride: Any = (), padding: Any = (0, 0), ceil_mode: bool = False,
    *_: Any,
) -> Layouts | None:  # fmt: skip
    sizes = _pooled(x, kernel, stride, padding, (1, 1), ceil_mode)
    return None if sizes is None else (row_major((*x.shape[:2], *sizes), x.dtype),)


def _pooled(
    x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> list[int] | None:
    kernel, padding, dilation = (
        tuple(value) * 2 if len(value) == 1 else value for value in (kernel, padding, dilation)
    )
    stride = stride or kernel
    stride = tuple(stride) * 2 if len(stride) == 1 else stride
    if (
        x.dim() != 4
        or not all_plain(x)
        or any(2 * p > k for p, k in zip(padding, kernel, strict=True))
    ):
        return None
    sizes = [
        window_positions(*numbers, ceil=ceil)
        for numbers in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    return sizes if min(sizes) >= 1 else None


@layout("aten._adaptive_avg_pool2d.default")
def adaptive_avg_pool(x: Tensor, size: Any) -> Layouts | None:
    if x.dim() != 4 or len(size) != 2 or min(size) < 1 or not all_plain(x):
        return None
    return (row_major((*x.shape[:2], *size), x.dtype),)


@layout("aten.max_pool2d_with_indices_backward.default")
def max_pool_backward(grad: Tensor, x: Tensor, *_: Any) -> Layouts | None:
    return row_major_like(x) if x.dim() == 4 and all_plain(grad, x) else None
