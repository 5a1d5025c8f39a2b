"""Questions about how a tensor lies in memory, and what a copy into another form takes.

Two questions about channels-last differ on purpose where sizes of 1 leave both readings open:

- `is_in_form`: would `contiguous(memory_format=...)` give the tensor itself? A row-major
  N x C x 1 x 1 is in both forms, and is copied into neither.
- `suggests_channels_last`: which form does an operator give that follows its input? The strides
  have to say so, and that tensor counts as row-major.
"""

from __future__ import annotations

import itertools

import torch

from nincost._devices.strides import channels_last_order, follows
from nincost._trace.records import TensorMeta


def is_row_major(tensor: TensorMeta) -> bool:
    """Whether the last dimension is dense and each other follows without a gap."""
    return follows(tensor.shape, tensor.stride, reversed(range(len(tensor.shape))))


def is_in_form(tensor: TensorMeta, *, channels_last: bool) -> bool:
    """Whether `contiguous(form)` gives the tensor itself rather than a copy."""
    if not channels_last:
        return is_row_major(tensor)
    return follows(tensor.shape, tensor.stride, channels_last_order(len(tensor.shape)))


def suggests_channels_last(tensor: TensorMeta) -> bool:
    """c10's suggest_memory_format, for 4 and 5 dimensions.

    c10/core/MemoryFormat.h is_channels_last_strides_2d_s4, ..._3d_s5 (installed header): strides
    rise from channels over width and height to the batch.
    """
    shape, stride = tensor.shape, tensor.stride
    if len(shape) not in (4, 5) or stride[1] == 0:
        return False
    least = 0
    for d in channels_last_order(len(shape)):
        if shape[d] == 0 or stride[d] < least:
            return False
        if d == 0 and least == stride[1]:
            return False
        least = stride[d] * shape[d]
    return True


def as_image(tensor: TensorMeta) -> TensorMeta:
    """A tensor of one spatial dimension as the image of one row that a convolution makes of it.

    aten/src/ATen/native/Convolution.cpp view4d.
    """
    if len(tensor.shape) != 3:
        return tensor
    (n, channels, width), (first, second, third) = tensor.shape, tensor.stride
    shape = torch.Size((n, channels, 1, width))
    return TensorMeta(shape, (first, second, width * third, third), tensor.dtype)


def convolves_channels_last(x: TensorMeta, weight: TensorMeta) -> bool:
    """Whether a convolution works in channels-last form: where its input or weight suggests it.

    So it is in cuDNN, but for float64, and on the CPU (aten/src/ATen/native/ConvUtils.h,
    cudnn_conv_suggest_memory_format and thnn_conv_use_channels_last). An input of one spatial
    dimension is made row-major before it is looked at (Convolution.cpp, "Avoid NHWC for a permuted
    3d input").
    """
    if x.dtype is torch.float64:
        return False
    row_copy = len(x.shape) == 3 and not is_row_major(x)
    return (not row_copy and suggests_channels_last(as_image(x))) or suggests_channels_last(
        as_image(weight)
    )


def dense_copy(tensor: TensorMeta) -> int:
    """Bytes of the copy that `contiguous()` makes: 0 where it makes none."""
    return 0 if is_row_major(tensor) else tensor.bytes


def flat_copy(tensor: TensorMeta, first: int = 0) -> int:
    """Bytes of the copy that making one dimension of those from `first` on takes: 0 for a view."""
    kept = [
        (size, step)
        for size, step in zip(tensor.shape[first:], tensor.stride[first:], strict=True)
        if size > 1
    ]
    merge = all(outer[1] == inner[0] * inner[1] for outer, inner in itertools.pairwise(kept))
    return 0 if merge else tensor.bytes


def copy_bytes(tensor: TensorMeta, *, channels_last: bool) -> int:
    """Bytes of the copy that `contiguous(form)` makes: 0 where it makes none."""
    return 0 if is_in_form(tensor, channels_last=channels_last) else tensor.bytes
