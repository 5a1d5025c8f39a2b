"""Layouts of what the commonest operators give, for the plainest arguments.

torch's own meta kernels know all cases, but many are Python that takes up to two milliseconds for
each new shape, and the first call imports torch's compiler and sympy, a second or two. These
functions know one case each: dense row-major tensors of one type. For anything else they give
None, and torch is asked. Tests hold every function here against torch's kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from nincost._trace.channels_last import runs_channels_last
from nincost._trace.records import TensorMeta

Layout = Callable[..., "tuple[TensorMeta, ...] | None"]

LAYOUTS: dict[str, Layout] = {}


def layout(*operators: str) -> Callable[[Layout], Layout]:
    """Register a layout function, called with the operator's own arguments."""

    def keep(function: Layout) -> Layout:
        for operator in operators:
            LAYOUTS[operator] = function
        return function

    return keep


def _row_major(shape: Sequence[int], dtype: torch.dtype) -> TensorMeta:
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return TensorMeta(torch.Size(shape), tuple(reversed(strides)), dtype)


def _plain(*tensors: Tensor | None) -> bool:
    """Whether all are floating-point, of one type, not empty and row-major in memory."""
    present = [tensor for tensor in tensors if tensor is not None]
    return all(
        tensor.dtype is present[0].dtype
        and tensor.dtype.is_floating_point
        and tensor.is_contiguous()
        and tensor.numel() > 0
        for tensor in present
    )


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """Output positions of a sliding window, as torch.nn.MaxPool2d's documentation gives them."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil:
        return span // stride + 1
    out = -(-span // stride) + 1
    return out - 1 if (out - 1) * stride >= size + padding else out


@layout("aten.convolution.default")
def convolution(
    given: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, _output_padding: Any, groups: int,
) -> tuple[TensorMeta, ...] | None:  # fmt: skip
    spatial = weight.dim() - 2
    if (
        transposed
        or given.dim() != weight.dim()
        or given.shape[1] != weight.shape[1] * groups
        or weight.shape[0] % groups
        or not len(stride) == len(padding) == len(dilation) == spatial
        or not _plain(given, weight, bias)
        or runs_channels_last(given)
        or runs_channels_last(weight)
    ):
        return None
    sizes = [
        _window(*numbers, ceil=False)
        for numbers in zip(
            given.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True
        )
    ]
    if min(sizes) < 1:
        return None  # torch says what is wrong
    return (_row_major((given.shape[0], weight.shape[0], *sizes), given.dtype),)


@layout("aten.max_pool2d_with_indices.default")
def max_pool(
    given: Tensor, kernel: Any, stride: Any = (), padding: Any = (0, 0), dilation: Any = (1, 1),
    ceil_mode: bool = False,
) -> tuple[TensorMeta, ...] | None:  # fmt: skip
    sizes = _pooled(given, kernel, stride, padding, dilation, ceil_mode)
    if sizes is None:
        return None
    shape = (*given.shape[:2], *sizes)
    return _row_major(shape, given.dtype), _row_major(shape, torch.int64)


@layout("aten.avg_pool2d.default")
def avg_pool(
    given: Tensor, kernel: Any, stride: Any = (), padding: Any = (0, 0), ceil_mode: bool = False,
    *_: Any,
) -> tuple[TensorMeta, ...] | None:  # fmt: skip
    sizes = _pooled(given, kernel, stride, padding, (1, 1), ceil_mode)
    return None if sizes is None else (_row_major((*given.shape[:2], *sizes), given.dtype),)


def _pooled(
    given: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> list[int] | None:
    kernel, padding, dilation = (
        tuple(value) * 2 if len(value) == 1 else value for value in (kernel, padding, dilation)
    )
    stride = stride or kernel
    stride = tuple(stride) * 2 if len(stride) == 1 else stride
    if (
        given.dim() != 4
        or not _plain(given)
        or any(2 * p > k for p, k in zip(padding, kernel, strict=True))
    ):
        return None
    sizes = [
        _window(*numbers, ceil=ceil)
        for numbers in zip(given.shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    return sizes if min(sizes) >= 1 else None


@layout(
    "aten.relu.default", "aten.gelu.default", "aten.silu.default", "aten.sigmoid.default",
    "aten.tanh.default", "aten.hardswish.default", "aten.hardsigmoid.default",
    "aten.hardtanh.default", "aten.leaky_relu.default", "aten.elu.default", "aten.exp.default",
    "aten.sqrt.default", "aten.rsqrt.default", "aten.neg.default", "aten.add.Scalar",
    "aten.mul.Scalar", "aten.sub.Scalar",
)  # fmt: skip
def unary(given: Tensor, *others: Any, **_: Any) -> tuple[TensorMeta, ...] | None:
    if not _plain(given) or any(isinstance(value, complex) for value in others):
        return None
    return (_row_major(given.shape, given.dtype),)


@layout("aten._softmax.default", "aten._log_softmax.default")
def softmax(given: Tensor, dim: int, half_to_float: bool) -> tuple[TensorMeta, ...] | None:
    fits = -given.dim() <= dim < given.dim()
    return (
        (_row_major(given.shape, given.dtype),)
        if fits and not half_to_float and _plain(given)
        else None
    )


@layout("aten._safe_softmax.default")
def safe_softmax(given: Tensor, dim: int, dtype: Any = None) -> tuple[TensorMeta, ...] | None:
    return softmax(given, dim, False) if dtype is None else None


@layout(
    "aten.add.Tensor", "aten.sub.Tensor", "aten.mul.Tensor", "aten.div.Tensor",
    "aten.threshold_backward.default",
)  # fmt: skip
def binary(left: Tensor, right: Any, *_: Any, **__: Any) -> tuple[TensorMeta, ...] | None:
    if not isinstance(right, Tensor) or left.shape != right.shape or not _plain(left, right):
        return None
    return (_row_major(left.shape, left.dtype),)


@layout("aten.native_batch_norm.default")
def batch_norm(
    given: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, *_: Any
) -> tuple[TensorMeta, ...] | None:
    if given.dim() < 2 or given.dtype is not torch.float32:
        return None
    channels = given.shape[1]
    per_channel = [t for t in (weight, bias, mean, variance) if t is not None]
    if not _plain(given, *per_channel) or any(t.shape != (channels,) for t in per_channel):
        return None
    saved = _row_major((channels,), torch.float32)  # also where it trains nothing
    return _row_major(given.shape, torch.float32), saved, saved


@layout("aten.native_layer_norm.default")
def layer_norm(
    given: Tensor, normalized: Any, weight: Any, bias: Any, _eps: float
) -> tuple[TensorMeta, ...] | None:
    kept = given.dim() - len(normalized)
    if (
        given.dtype is not torch.float32
        or not normalized
        or tuple(given.shape[kept:]) != tuple(normalized)
        or any(t is not None and tuple(t.shape) != tuple(normalized) for t in (weight, bias))
        or not _plain(given, weight, bias)
    ):
        return None
    saved = _row_major((*given.shape[:kept], *[1] * len(normalized)), torch.float32)
    return _row_major(given.shape, torch.float32), saved, saved


def _same_type(*tensors: Tensor) -> bool:
    return all(t.dtype is tensors[0].dtype and t.numel() > 0 for t in tensors)


@layout("aten.mm.default")
def mm(left: Tensor, right: Tensor) -> tuple[TensorMeta, ...] | None:
    if left.dim() != 2 or right.dim() != 2 or left.shape[1] != right.shape[0]:
        return None
    if not _same_type(left, right) or not left.dtype.is_floating_point:
        return None
    return (_row_major((left.shape[0], right.shape[1]), left.dtype),)


@layout("aten.addmm.default")
def addmm(bias: Tensor, left: Tensor, right: Tensor, **scale: Any) -> tuple[TensorMeta, ...] | None:
    product = mm(left, right)
    if scale or product is None or bias.dim() != 1 or bias.dtype is not left.dtype:
        return None
    return product if bias.shape[0] == right.shape[1] else None


@layout("aten.bmm.default")
def bmm(left: Tensor, right: Tensor) -> tuple[TensorMeta, ...] | None:
    if left.dim() != 3 or right.dim() != 3 or left.shape[0] != right.shape[0]:
        return None
    if left.shape[2] != right.shape[1] or not _same_type(left, right):
        return None
    if not left.dtype.is_floating_point:
        return None
    return (_row_major((left.shape[0], left.shape[1], right.shape[2]), left.dtype),)


@layout("aten.mean.dim")
def mean(
    given: Tensor, dims: Any, keepdim: bool = False, **options: Any
) -> tuple[TensorMeta, ...] | None:
    if options or not dims or not _plain(given):
        return None
    if any(not -given.dim() <= dim < given.dim() for dim in dims):
        return None
    gone = {dim % given.dim() for dim in dims}
    if len(gone) != len(dims):
        return None
    shape = [
        1 if index in gone else size
        for index, size in enumerate(given.shape)
        if keepdim or index not in gone
    ]
    return (_row_major(shape, given.dtype),)


@layout("aten._adaptive_avg_pool2d.default")
def adaptive_avg_pool(given: Tensor, size: Any) -> tuple[TensorMeta, ...] | None:
    if given.dim() != 4 or len(size) != 2 or min(size) < 1 or not _plain(given):
        return None
    return (_row_major((*given.shape[:2], *size), given.dtype),)


@layout("aten.cat.default")
def cat(tensors: Any, dim: int = 0) -> tuple[TensorMeta, ...] | None:
    first = tensors[0]
    if not -first.dim() <= dim < first.dim() or not _plain(*tensors):
        return None
    dim %= first.dim()
    rest = (*first.shape[:dim], *first.shape[dim + 1 :])
    for tensor in tensors:
        if tensor.dim() != first.dim() or (*tensor.shape[:dim], *tensor.shape[dim + 1 :]) != rest:
            return None
    joined = sum(tensor.shape[dim] for tensor in tensors)
    return (_row_major((*first.shape[:dim], joined, *first.shape[dim + 1 :]), first.dtype),)
