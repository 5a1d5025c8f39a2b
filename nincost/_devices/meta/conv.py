"""Convolutions on meta tensors, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import correction, layout, refusal
from nincost._devices.memory_format import convolves_channels_last
from nincost._devices.meta.matmul import of_one_type
from nincost._devices.meta.pools import window_positions
from nincost._devices.output_layouts import all_plain, describe, restrided, row_major
from nincost._devices.strides import dense_strides
from nincost._trace.meta_operators import Layouts


@layout("aten.convolution.default")
def convolution(
    x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, _output_padding: Any, groups: int,
) -> Layouts | None:  # fmt: skip
    """(N, C_out, ...) of a plain convolution; torch.nn.Conv2d's documentation has the sizes."""
    spatial = weight.dim() - 2
    if (
        transposed
        or x.dim() != weight.dim()
        or x.shape[1] != weight.shape[1] * groups
        or weight.shape[0] % groups
        or not len(stride) == len(padding) == len(dilation) == spatial
        or not all_plain(x, weight, bias)
        or x.dtype is torch.float64
        or convolves_channels_last(describe(x), describe(weight))
    ):
        return None
    sizes = [
        window_positions(*numbers, ceil=False)
        for numbers in zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    ]
    if min(sizes) < 1:
        return None  # torch says what is wrong
    return (row_major((x.shape[0], weight.shape[0], *sizes), x.dtype),)


@refusal("aten.convolution.default")
def refuse_channels_and_types(x: Tensor, weight: Tensor, bias: Any, *others: Any) -> None:
    """A transposed convolution of other channels than the weight's; tensors of several types."""
    transposed = others[3]
    if transposed and x.shape[1] != weight.shape[0]:
        raise RuntimeError(f"expected {weight.shape[0]} channels, but got {x.shape[1]}")
    of_one_type(x, weight, bias)


@correction("aten.convolution.default")
def channels_last_output(result: Tensor, x: Tensor, weight: Tensor, *_: Any) -> Tensor:
    """Channels-last where input or weight is; a transposed convolution's output too.

    The meta kernel asks the input of a plain convolution alone.
    """
    if not convolves_channels_last(describe(x), describe(weight)):
        return result
    return restrided(result, dense_strides(result.shape, channels_last=True))


@layout("aten.convolution_backward.default")
def convolution_backward(
    grad: Tensor, x: Tensor, weight: Tensor, bias: Any, _stride: Any, _padding: Any,
    _dilation: Any, transposed: bool, _output_padding: Any, _groups: int, wanted: list[bool],
) -> Layouts | None:  # fmt: skip
    """Gradients of input, weight and bias, as far as they are wanted; `bias`: its sizes."""
    if (
        transposed
        or (wanted[2] and bias is None)
        or not all_plain(grad, x, weight)
        or convolves_channels_last(describe(x), describe(weight))
    ):
        return None
    shapes = zip((x.shape, weight.shape, bias), wanted, strict=True)
    return tuple([row_major(shape, grad.dtype) if wants else None for shape, wants in shapes])
