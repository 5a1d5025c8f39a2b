"""Batch norm on CUDA, in cuDNN or by ATen's own kernels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.cuda.reductions import accumulator_bytes
from nincost._devices.declare import correction, rule, substitute
from nincost._devices.memory_format import copy_bytes, flat_copy, is_in_form, suggests_channels_last
from nincost._devices.output_layouts import describe, restrided
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.strides import dense_strides
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta

#: cudnnBatchNormalization's limits on the batch (aten/src/ATen/native/Normalization.cpp).
_MOST_TRAINING = 880_801
_MOST_EVALUATING = 65_535
_LEAST_EPSILON = 1e-5


def runs_in_cudnn(
    x: TensorMeta,
    weight: object,
    bias: object,
    mean: object,
    training: bool,
    epsilon: float,
    *,
    enabled: bool = True,
) -> bool:
    """Whether CUDA's batch norm is cuDNN's, else ATen's own.

    aten/src/ATen/native/Normalization.cpp _select_batch_norm_backend, as 2.14 answers it: cuDNN
    for float, double and half with float weights, in three dimensions or more, with weight and
    bias; never for bfloat16. `enabled`: whether cuDNN may be used at all.
    """
    most = _MOST_TRAINING if training else _MOST_EVALUATING
    return (
        enabled
        and len(x.shape) >= 3
        and isinstance(weight, TensorMeta)
        and isinstance(bias, TensorMeta)
        and (isinstance(mean, TensorMeta) or training)
        and x.dtype is not torch.bfloat16
        and weight.dtype is not torch.bfloat16
        and (x.dtype is not torch.float16 or weight.dtype is torch.float32)
        and x.shape[0] <= most
        and epsilon >= _LEAST_EPSILON
        and x.elements < 2**31 - 1
    )


@substitute("aten.batch_norm")
def saving_a_copy(
    target: Target, x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool,
    momentum: float, epsilon: float, enabled: bool,
) -> Any:  # fmt: skip
    """cuDNN gets its input in one of its forms, and it is the copy that is kept for backward.

    aten/src/ATen/native/Normalization.cpp _batch_norm_impl_index.
    """
    if x.is_contiguous():
        return NotImplemented
    meta = describe(x)
    rest = [None if one is None else describe(one) for one in (weight, bias, mean)]
    last, usable = suggests_channels_last(meta), enabled and target.settings.cudnn
    if is_in_form(meta, channels_last=last) or not runs_in_cudnn(
        meta, rest[0], rest[1], rest[2], training, epsilon, enabled=usable
    ):
        return NotImplemented
    form = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
    copy = x.contiguous(memory_format=form if last else torch.contiguous_format)
    others = (variance, training, momentum, epsilon, enabled)
    return torch.batch_norm(copy, weight, bias, mean, *others)


def _power_below(number: int) -> int:
    return 1 << (number.bit_length() - 1) if number >= 1 else 1


def launch_grid(rows: int, channels: int, *, cooperative: bool = True) -> tuple[int, int]:
    """Blocks (x, y) of a channels-last batch norm kernel.

    aten/src/ATen/native/cuda/Normalization.cuh flexible_launch_configs, with blocks of up to 512
    threads, 16 elements a thread, and at most 128 blocks along the rows.
    """
    block_x = min(_power_below(channels), 32)
    block_y = min(_power_below(-(-rows // 16)), 512 // block_x)
    if block_x * block_y != 512:
        block_x = min(_power_below(channels), 512 // block_y)
    grid_y = min(-(-rows // (block_y * 16)), 128)
    if cooperative and grid_y < 8:
        grid_y = 1
    return -(-channels // block_x), grid_y


@rule(
    "aten.native_batch_norm",
    source="aten/src/ATen/native/cudnn/BatchNorm.cpp cudnn_batch_norm; "
    "native/cuda/Normalization.cu batch_norm_cuda",
    kind="modelled",
)
def batch_norm(call: Call) -> list[Action]:
    """A copy where the input is neither form; the output; two vectors over channels.

    cuDNN's own workspace and reserve are taken as 0 for row-major tensors; in channels-last half
    precision the reserve holds a bit an element.
    """
    x, weight, bias, mean, _variance, training, _momentum, epsilon = call.args[:8]
    last = suggests_channels_last(x)
    enabled = call.target.settings.cudnn
    if runs_in_cudnn(x, weight, bias, mean, training, epsilon, enabled=enabled):
        copy = alloc("copy", copy_bytes(x, channels_last=last))
        if not training:
            return [copy, out(0), out(1, bytes=0), out(2, bytes=0)]
        return [copy, out(0), out(1), out(2)]
    if not training or not (last or x.stride[1] == 1):
        return [out(0), out(1), out(2)]
    channels = x.shape[1]
    width = accumulator_bytes(x.dtype.itemsize)
    grid_x, grid_y = launch_grid(x.elements // channels, channels)
    staged = grid_y > 1
    return [
        out(0), out(1), out(2),
        alloc("staging", 4 * channels * grid_y * width if staged else 0),
        alloc("semaphores", grid_x * 4 if staged else 0), free("semaphores"), free("staging"),
    ]  # fmt: skip


@rule(
    "aten.native_batch_norm_backward",
    source="aten/src/ATen/native/cudnn/BatchNorm.cpp cudnn_batch_norm_backward; "
    "native/cuda/Normalization.cu batch_norm_backward_cuda",
    kind="modelled",
)
def batch_norm_backward(call: Call) -> list[Action]:
    """Gradient brought into the input's form, then the three gradients.

    cuDNN computes all three whatever is asked for; ATen's own kernels leave out the first.
    """
    grad, x, weight, mean, _variance, _saved, _invstd, training, epsilon = call.args[:9]
    last = suggests_channels_last(x)
    channels = x.shape[1]
    width = accumulator_bytes(x.dtype.itemsize)
    enabled = call.target.settings.cudnn
    if training and runs_in_cudnn(x, weight, weight, mean, training, epsilon, enabled=enabled):
        copy = alloc("gradient copy", copy_bytes(grad, channels_last=last))
        return [copy, out(0), out(1), out(2)]
    if not training:
        return [alloc("invstd", channels * width), out(0), out(1), out(2)]
    if not (last or x.stride[1] == 1):
        copies = [alloc("input copy", flat_copy(x, 2)), alloc("gradient copy", flat_copy(grad, 2))]
        wanted = call.arg(9)
        return [
            *copies, *(out(index, bytes=None if wanted[index] else 0) for index in range(3))
        ]  # fmt: skip
    grid_x, grid_y = launch_grid(x.elements // channels, channels)
    staged = grid_y > 1
    return [
        alloc("sum dy", channels * width), alloc("sum dy xmu", channels * width), out(1), out(2),
        alloc("staging", 2 * channels * grid_y * width if staged else 0),
        alloc("semaphores", grid_x * 4 if staged else 0),
        free("semaphores"), free("staging"), out(0, bytes=None if call.arg(9)[0] else 0),
    ]  # fmt: skip


@correction("aten.native_batch_norm_backward.default")
def as_normalized(
    result: Any, _grad: Tensor, x: Tensor, _weight: Any, _mean: Any, _variance: Any, _saved: Any,
    _invstd: Any, training: bool, *_: Any,
) -> Any:  # fmt: skip
    """The gradient in its input's form, whatever form the output's gradient has.

    aten/src/ATen/native/cudnn/BatchNorm.cpp cudnn_batch_norm_backward. With running statistics it
    is row-major (native/cuda/Normalization.cu).
    """
    gradient = result[0]
    if gradient is None:
        return result
    last = training and suggests_channels_last(describe(x))
    return (restrided(gradient, dense_strides(x.shape, channels_last=last)), *result[1:])
