"""Layer, group and RMS norm on CUDA."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.cuda.reductions import accumulator_bytes, scratch
from nincost._devices.declare import correction, layout, rule, substitute
from nincost._devices.deterministic import filling
from nincost._devices.memory_format import dense_copy
from nincost._devices.output_layouts import make_row_major, restrided, row_major
from nincost._devices.rules import Action, Call, alloc, free, out, out_from
from nincost._devices.strides import dense_strides
from nincost._devices.target import Target
from nincost._trace.meta_operators import Layouts
from nincost._trace.records import TensorMeta


@substitute("aten.rms_norm")
def fused_rms_norm(
    _target: Target, x: Tensor, normalized: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """aten/src/ATen/native/layer_norm.cpp rms_norm_symint: fused where the types are one."""
    if weight is not None and weight.dtype is not x.dtype:
        return NotImplemented
    if x.numel() == 0 or tuple(x.shape[-len(normalized) :]) != tuple(normalized):
        return NotImplemented
    return torch.ops.aten._fused_rms_norm(x, normalized, weight, eps)[0]


@layout("aten._fused_rms_norm.default")
def rms_norm(x: Tensor, normalized: Any, _weight: Any, _eps: Any) -> Layouts:
    """The output, and the reciprocal root mean square of each row, in float or double.

    aten/src/ATen/native/cuda/layer_norm_kernel.cu _fused_rms_norm_cuda.
    """
    kept = x.shape[: x.dim() - len(normalized)]
    accumulated = torch.float64 if x.dtype is torch.float64 else torch.float32
    return row_major(x.shape, x.dtype), row_major((*kept, *[1] * len(normalized)), accumulated)


@layout("aten._fused_rms_norm_backward.default")
def rms_norm_gradients(
    _grad: Tensor, x: Tensor, _normalized: Any, _rstd: Any, weight: Any, wanted: Any
) -> Layouts:
    """The gradients of input and weight, as far as they are wanted."""
    return (
        row_major(x.shape, x.dtype) if wanted[0] else None,
        row_major(weight.shape, weight.dtype) if wanted[1] and weight is not None else None,
    )


@rule(
    "aten.native_layer_norm",
    "aten._fused_rms_norm",
    source="aten/src/ATen/native/cuda/layer_norm_kernel.cu layer_norm_cuda",
)
def layer_norm(call: Call) -> list[Action]:
    x = call.args[0]
    outputs = [out(index) for index in range(len(call.outputs))]
    return [alloc("copy", dense_copy(x)), *outputs]


def _partial_rows(call: Call, rows: int, width: int) -> int:
    """Rows of partial sums that weight's gradient is first made in; 0 where it needs none.

    aten/src/ATen/native/cuda/layer_norm_kernel.cu LaunchGammaBetaBackwardCUDAKernel: where rows
    are many and columns too few to fill the multiprocessors.
    """
    if rows <= 64 * 1024 or width // 32 >= call.target.multiprocessors // 2:
        return 0
    return min(32 * 1024 // -(-width // 32), -(-rows // 32))


@rule(
    "aten.native_layer_norm_backward",
    source="aten/src/ATen/native/cuda/layer_norm_kernel.cu layer_norm_backward_cuda",
)
def layer_norm_backward(call: Call) -> list[Action]:
    grad, x, shape = call.args[:3]
    wanted = call.args[-1]
    width = torch.Size(shape).numel()
    rows = _partial_rows(call, x.elements // width, width)
    return [
        alloc("copy", dense_copy(x)), out(0),
        *_affine(call, [index for index in (1, 2) if wanted[index]], width, rows),
        alloc("gradient copy", dense_copy(grad)),
        *_sums_of_parts(call, [index for index in (1, 2) if wanted[index]], width, rows),
    ]  # fmt: skip


def _affine(call: Call, wanted: list[int], width: int, rows: int) -> list[Action]:
    """The gradients of weight and bias; where they are sums of parts, to be thrown away."""
    size = width * call.args[1].dtype.itemsize
    return [alloc(f"first {index}", size) if rows else out(index) for index in wanted]


def _sums_of_parts(call: Call, wanted: list[int], width: int, rows: int) -> list[Action]:
    """Both parts are made, then summed one after the other into new memory."""
    if not rows:
        return []
    dtype = call.args[1].dtype
    parts = TensorMeta(torch.Size((rows, width)), (width, 1), dtype)
    actions: list[Action] = [alloc(f"parts {index}", parts.bytes) for index in wanted]
    for index in wanted:
        actions += [
            alloc(f"sum {index}", width * dtype.itemsize), *scratch(call.target, parts, (0,)),
            free(f"first {index}"), out_from(index, f"sum {index}"),
        ]  # fmt: skip
    return actions + [free(f"parts {index}") for index in reversed(wanted)]


@rule(
    "aten._fused_rms_norm_backward",
    source="aten/src/ATen/native/cuda/layer_norm_kernel.cu _fused_rms_norm_backward_cuda",
)
def rms_norm_backward(call: Call) -> list[Action]:
    grad, x, shape = call.args[:3]
    wanted = [1] if call.args[-1][1] else []
    width = torch.Size(shape).numel()
    rows = _partial_rows(call, x.elements // width, width)
    return [
        alloc("copy", dense_copy(x)), out(0), *_affine(call, wanted, width, rows),
        alloc("gradient copy", dense_copy(grad)),
        *_sums_of_parts(call, wanted, width, rows),
    ]  # fmt: skip


@rule(
    "aten.native_group_norm",
    source="aten/src/ATen/native/cuda/group_norm_kernel.cu GroupNormKernelImplInternal",
)
def group_norm(call: Call) -> list[Action]:
    """Scale and shift of each channel of each sample, where the norm has weights.

    In half precision the groups' means and deviations are there in float, too.
    """
    x, weight, bias, batch, channels, positions, groups = call.args[:7]
    each = batch * channels * accumulator_bytes(x.dtype.itemsize)
    folded = positions > 1 and (weight is not None or bias is not None)
    narrow = 4 * batch * groups if x.dtype.itemsize == 2 else 0
    return [
        out(0), out(1), out(2), alloc("copy", dense_copy(x)),
        alloc("means", narrow), alloc("deviations", narrow),
        alloc("scale", each if folded else 0), alloc("shift", each if folded else 0),
        *map(free, ("shift", "scale", "deviations", "means", "copy")),
    ]  # fmt: skip


@rule(
    "aten.native_group_norm_backward",
    source="aten/src/ATen/native/cuda/group_norm_kernel.cu GroupNormBackwardKernelImplInternal",
)
def group_norm_backward(call: Call) -> list[Action]:
    """Two sums for each channel of each sample, and three vectors of coefficients."""
    grad, x, _mean, _rstd, weight, batch, channels, positions, groups = call.args[:9]
    width = accumulator_bytes(x.dtype.itemsize)
    each, grouped = batch * channels * width, batch * groups * width
    names = ("ds", "db", "c2", "c3", "c1")
    sums = each if positions > 1 else 0
    sizes = (sums, sums, grouped, grouped, each if weight is not None and positions > 1 else 0)
    return [
        alloc("gradient copy", dense_copy(grad)), alloc("copy", dense_copy(x)),
        out(0), out(1), out(2), *map(alloc, names, sizes),
        *(filling(call.target, torch.float32) if sizes[-1] else []),
        *map(free, ("c3", "c2", "c1", "db", "ds", "copy", "gradient copy")),
    ]  # fmt: skip


@correction("aten.native_group_norm.default")
def row_major_group_norm(result: Any, *_: Any) -> Any:
    """aten/src/ATen/native/group_norm.cpp: where the CPU's kernels keep channels-last."""
    return make_row_major(result)


@correction("aten.native_group_norm_backward.default")
def group_norm_gradient(result: Any, _grad: Tensor, x: Tensor, *_: Any) -> Any:
    """Like the input, or the row-major copy of it (group_norm.cpp native_group_norm_backward)."""
    gradient = result[0]
    if gradient is None:
        return result
    strides = x.stride() if x.is_contiguous() else dense_strides(x.shape)
    return (restrided(gradient, strides), *result[1:])
