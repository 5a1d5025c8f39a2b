"""Which kernels PyTorch gives a convolution on CUDA: cuDNN's, or its own depthwise ones.

Read in `_select_conv_backend`, `use_cudnn` and `use_cudnn_depthwise` of
aten/src/ATen/native/Convolution.cpp (as stored in 2026, for cuDNN 9.15 and later). A test asks
`torch._C._select_conv_backend` of the installed torch, on fake CUDA tensors, for the same answers.
Environment variables that switch cuDNN's v8 interface off are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

_INT_MAX = 2**31 - 1


def uses_cudnn(
    input: Sequence[int],
    weight: Sequence[int],
    dtype: str,
    *,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    transposed: bool = False,
    output_padding: Sequence[int] = (),
    channels_last: bool = False,
    cudnn_enabled: bool = True,
    capability: tuple[int, int] = (8, 0),
) -> bool:
    """Whether cuDNN runs it; else PyTorch's depthwise or unfolding kernels do.

    Shapes are those of the model's call, of 1 to 3 spatial dimensions, `dtype` is what the kernel
    sees (after autocast). `channels_last` is true where the input or the weight
    is so by `looks_channels_last`. Below compute capability 8.0 cuDNN gets no bfloat16.
    """
    if not cudnn_enabled or 0 in (*input, *weight):
        return False
    given, filters = tuple(input), tuple(weight)
    if len(given) == 3:  # PyTorch gives it a height of 1 before it chooses
        given, filters = (*given[:2], 1, *given[2:]), (*filters[:2], 1, *filters[2:])
        stride, dilation = (1, *stride), (1, *dilation)
        output_padding = (0, *output_padding) if output_padding else ()
    last = channels_last and dtype != "float64"
    if dtype == "bfloat16" and capability < (8, 0):
        return False
    if is_depthwise(given, filters, groups, transposed):
        return _depthwise(given, filters, dtype, stride, dilation, last)
    return all(extra < step for extra, step in zip(output_padding, stride, strict=False))


def is_depthwise(
    input: Sequence[int], weight: Sequence[int], groups: int, transposed: bool
) -> bool:
    """One input channel a group, more than one group (`is_depthwise`)."""
    return not transposed and input[1] == groups > 1 and weight[0] % input[1] == 0


def _depthwise(
    input: Sequence[int],
    weight: Sequence[int],
    dtype: str,
    stride: Sequence[int],
    dilation: Sequence[int],
    channels_last: bool,
) -> bool:
    """`use_cudnn_depthwise`: channels-last, huge tensors, and some of float16."""
    if channels_last or max(prod(input), prod(weight)) > _INT_MAX:
        return True
    return (
        dtype == "float16"
        and len(input) == 4
        and all(step == 1 for step in dilation)
        and (stride[0] == stride[1] or input[2] == 1)
        and input[1] >= 32
        and _faster_in_cudnn(input, weight, stride[1])
    )


def _faster_in_cudnn(input: Sequence[int], weight: Sequence[int], stride: int) -> bool:
    """PyTorch's table of measurements (`check_cudnn_depthwise_workload_with_filter`)."""
    batch, channels, height, width = input
    filter_ = weight[3]
    if height == 1 and stride == 1:
        return True
    if weight[2] != filter_ or filter_ not in {1, 3, 5} or width < 7:
        return False
    if stride != 2:
        return stride == 1
    if batch == 1:
        return filter_ > 1 or width <= 28
    if filter_ == 1:
        return batch <= 16 and channels >= 128 and width <= 7
    return channels >= 512 or (channels >= 256 and width >= 28)
