"""Questions about whether a tensor is laid out channels-last."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def suggests_channels_last(shape: Sequence[int], stride: Sequence[int]) -> bool:
    """c10's suggest_memory_format (c10/core/MemoryFormat.h, is_channels_last_strides_2d_s4).

    Strides rise from channels over width and height to the batch; a tensor whose sizes leave both
    readings open counts as row-major.
    """
    if len(shape) not in (4, 5) or stride[1] == 0:
        return False
    least = 0
    for d in (1, *range(len(shape) - 1, 1, -1), 0):
        if shape[d] == 0 or stride[d] < least:
            return False
        if d == 0 and least == stride[1]:
            return False
        least = stride[d]
        if shape[d] > 1:
            least *= shape[d]
    return True


def runs_channels_last(tensor: Tensor) -> bool:
    """Whether a convolution's input or weight suggests channels-last.

    A 1-d convolution runs as a 2-d one of height 1, on a tensor made row-major first
    (aten/src/ATen/native/Convolution.cpp, view4d), which changes nothing where one channel's
    strides can be read both ways.
    """
    shape, stride = tensor.shape, tensor.stride()
    if len(shape) != 3:
        return suggests_channels_last(shape, stride)
    as_image = (*shape[:2], 1, shape[2]), (*stride[:2], shape[2] * stride[2], stride[2])
    return tensor.is_contiguous() and suggests_channels_last(*as_image)
