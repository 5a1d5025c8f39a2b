"""Batch, layer, group and RMS norm."""

from __future__ import annotations

import torch

from nincost._devices.cuda.reductions import scratch
from nincost._devices.memory_format import (
    copy_bytes,
    dense_copy,
    flat_copy,
    is_channels_last,
    wide,
)
from nincost._devices.rules import Action, Call, drop, out, rule, take, take_over
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
    "cuda",
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
    last = is_channels_last(x)
    enabled = call.target.settings.cudnn
    if runs_in_cudnn(x, weight, bias, mean, training, epsilon, enabled=enabled):
        copy = take("copy", copy_bytes(x, channels_last=last))
        if not training:
            return [copy, out(0), out(1, bytes=0), out(2, bytes=0)]
        return [copy, out(0), out(1), out(2)]
    if not training or not (last or x.stride[1] == 1):
        return [out(0), out(1), out(2)]
    channels = x.shape[1]
    grid_x, grid_y = launch_grid(x.elements // channels, channels)
    staged = grid_y > 1
    return [
        out(0), out(1), out(2),
        take("staging", 4 * channels * grid_y * wide(x.dtype.itemsize) if staged else 0),
        take("semaphores", grid_x * 4 if staged else 0), drop("semaphores"), drop("staging"),
    ]  # fmt: skip


@rule(
    "cuda",
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
    last = is_channels_last(x)
    channels = x.shape[1]
    width = wide(x.dtype.itemsize)
    enabled = call.target.settings.cudnn
    if training and runs_in_cudnn(x, weight, weight, mean, training, epsilon, enabled=enabled):
        copy = take("gradient copy", copy_bytes(grad, channels_last=last))
        return [copy, out(0), out(1), out(2)]
    if not training:
        return [take("invstd", channels * width), out(0), out(1), out(2)]
    if not (last or x.stride[1] == 1):
        copies = [take("input copy", flat_copy(x, 2)), take("gradient copy", flat_copy(grad, 2))]
        wanted = call.arg(9)
        return [
            *copies, *(out(index, bytes=None if wanted[index] else 0) for index in range(3))
        ]  # fmt: skip
    grid_x, grid_y = launch_grid(x.elements // channels, channels)
    staged = grid_y > 1
    return [
        take("sum dy", channels * width), take("sum dy xmu", channels * width), out(1), out(2),
        take("staging", 2 * channels * grid_y * width if staged else 0),
        take("semaphores", grid_x * 4 if staged else 0),
        drop("semaphores"), drop("staging"), out(0, bytes=None if call.arg(9)[0] else 0),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten.native_layer_norm",
    "aten._fused_rms_norm",
    source="aten/src/ATen/native/cuda/layer_norm_kernel.cu layer_norm_cuda",
)
def layer_norm(call: Call) -> list[Action]:
    x = call.args[0]
    outputs = [out(index) for index in range(len(call.outputs))]
    return [take("copy", dense_copy(x)), *outputs]


def _partial_rows(call: Call, rows: int, width: int) -> int:
    """Rows of partial sums that weight's gradient is first made in; 0 where it needs none.

    aten/src/ATen/native/cuda/layer_norm_kernel.cu LaunchGammaBetaBackwardCUDAKernel: where rows
    are many and columns too few to fill the multiprocessors.
    """
    if rows <= 64 * 1024 or width // 32 >= call.target.multiprocessors // 2:
        return 0
    return min(32 * 1024 // -(-width // 32), -(-rows // 32))


@rule(
    "cuda",
    "aten.native_layer_norm_backward",
    source="aten/src/ATen/native/cuda/layer_norm_kernel.cu layer_norm_backward_cuda",
)
def layer_norm_backward(call: Call) -> list[Action]:
    grad, x, shape = call.args[:3]
    wanted = call.args[-1]
    width = torch.Size(shape).numel()
    rows = _partial_rows(call, x.elements // width, width)
    return [
        take("copy", dense_copy(x)), out(0),
        *_affine(call, [index for index in (1, 2) if wanted[index]], width, rows),
        take("gradient copy", dense_copy(grad)),
        *_sums_of_parts(call, [index for index in (1, 2) if wanted[index]], width, rows),
    ]  # fmt: skip


def _affine(call: Call, wanted: list[int], width: int, rows: int) -> list[Action]:
    """The gradients of weight and bias; where they are sums of parts, to be thrown away."""
    size = width * call.args[1].dtype.itemsize
    return [take(f"first {index}", size) if rows else out(index) for index in wanted]


def _sums_of_parts(call: Call, wanted: list[int], width: int, rows: int) -> list[Action]:
    """Both parts are made, then summed one after the other into new memory."""
    if not rows:
        return []
    dtype = call.args[1].dtype
    parts = TensorMeta(torch.Size((rows, width)), (width, 1), dtype)
    actions: list[Action] = [take(f"parts {index}", parts.bytes) for index in wanted]
    for index in wanted:
        actions += [
            take(f"sum {index}", width * dtype.itemsize), *scratch(call.target, parts, (0,)),
            drop(f"first {index}"), take_over(index, f"sum {index}"),
        ]  # fmt: skip
    return actions + [drop(f"parts {index}") for index in reversed(wanted)]


@rule(
    "cuda",
    "aten._fused_rms_norm_backward",
    source="aten/src/ATen/native/cuda/layer_norm_kernel.cu _fused_rms_norm_backward_cuda",
)
def rms_norm_backward(call: Call) -> list[Action]:
    grad, x, shape = call.args[:3]
    wanted = [1] if call.args[-1][1] else []
    width = torch.Size(shape).numel()
    rows = _partial_rows(call, x.elements // width, width)
    return [
        take("copy", dense_copy(x)), out(0), *_affine(call, wanted, width, rows),
        take("gradient copy", dense_copy(grad)),
        *_sums_of_parts(call, wanted, width, rows),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten.native_group_norm",
    source="aten/src/ATen/native/cuda/group_norm_kernel.cu GroupNormKernelImplInternal",
)
def group_norm(call: Call) -> list[Action]:
    """Scale and shift of each channel of each sample, where the norm has weights.

    In half precision the groups' means and deviations are there in float, too.
    """
    x, weight, bias, batch, channels, positions, groups = call.args[:7]
    each = batch * channels * wide(x.dtype.itemsize)
    folded = positions > 1 and (weight is not None or bias is not None)
    narrow = 4 * batch * groups if x.dtype.itemsize == 2 else 0
    return [
        out(0), out(1), out(2), take("copy", dense_copy(x)),
        take("means", narrow), take("deviations", narrow),
        take("scale", each if folded else 0), take("shift", each if folded else 0),
        *map(drop, ("shift", "scale", "deviations", "means", "copy")),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten.native_group_norm_backward",
    source="aten/src/ATen/native/cuda/group_norm_kernel.cu GroupNormBackwardKernelImplInternal",
)
def group_norm_backward(call: Call) -> list[Action]:
    """Two sums for each channel of each sample, and three vectors of coefficients."""
    grad, x, _mean, _rstd, weight, batch, channels, positions, groups = call.args[:9]
    width = wide(x.dtype.itemsize)
    each, grouped = batch * channels * width, batch * groups * width
    names = ("ds", "db", "c2", "c3", "c1")
    sums = each if positions > 1 else 0
    sizes = (sums, sums, grouped, grouped, each if weight is not None and positions > 1 else 0)
    return [
        take("gradient copy", dense_copy(grad)), take("copy", dense_copy(x)),
        out(0), out(1), out(2), *map(take, names, sizes),
        *map(drop, ("c3", "c2", "c1", "db", "ds", "copy", "gradient copy")),
    ]  # fmt: skip
