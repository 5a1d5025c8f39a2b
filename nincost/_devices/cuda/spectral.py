"""Fourier transforms on CUDA: by cuFFT, up to three dimensions at a time.

aten/src/ATen/native/cuda/SpectralOps.cpp. On meta, torch lays outputs out as MKL does, and converts
bfloat16 to float32 first. Not known here: whether real numbers begin where a complex one may, else
they are copied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nincost._devices.declare import layout, rule
from nincost._devices.libraries.cufft import work_area_bytes
from nincost._devices.memory_format import flat_copy
from nincost._devices.output_layouts import describe, row_major
from nincost._devices.rules import Action, Call, alloc, free, out, out_from
from nincost._trace.meta_operators import Layouts
from nincost._trace.records import TensorMeta

_SOURCE = "aten/src/ATen/native/cuda/SpectralOps.cpp"

#: Dimensions of one plan (cufft_max_ndim).
_MOST = 3

_COMPLEX = {
    torch.float16: torch.complex32, torch.float32: torch.complex64,
    torch.float64: torch.complex128,
}  # fmt: skip
_REAL = {made: given for given, made in _COMPLEX.items()}


@dataclass(frozen=True, slots=True)
class _Plan:
    """One run of cuFFT: what it makes, the bytes of a copy of what it is given, its work area."""

    made: TensorMeta
    copy: int
    work: int

    def scratch(self) -> list[Action]:
        return [
            alloc("copy", self.copy), alloc("work area", self.work),
            free("work area"), free("copy"),
        ]  # fmt: skip


def _plan(
    given: TensorMeta, dims: Sequence[int], sizes: Sequence[int], dtype: torch.dtype
) -> _Plan:
    """_exec_fft: other dimensions become one in front, by falling stride; so is what is made."""
    shape, stride = given.shape, given.stride
    others = sorted({*range(len(shape))} - {*dims}, key=lambda d: (-stride[d], d))
    strides, step = [0] * len(shape), 1
    for d in reversed((*others, *dims)):
        strides[d] = step
        step *= sizes[d]
    front = TensorMeta(
        torch.Size([shape[d] for d in others]), tuple(stride[d] for d in others), given.dtype
    )
    copied = flat_copy(front) > 0 or _is_cloned(given, front, dims)
    lengths = [max(shape[d], sizes[d]) for d in dims]
    real = not (given.dtype.is_complex and dtype.is_complex)
    itemsize = max(given.dtype.itemsize, dtype.itemsize)
    return _Plan(
        TensorMeta(torch.Size(sizes), tuple(strides), dtype),
        given.bytes if copied else 0,
        work_area_bytes(lengths, math.prod(front.shape), itemsize, real=real),
    )


def _is_cloned(given: TensorMeta, front: TensorMeta, dims: Sequence[int]) -> bool:
    """Whether a plan cannot have these strides: as_cufft_embed of ATen/cuda/CuFFTPlanCache.h."""
    last = given.stride[dims[-1]]
    if last <= 0 or (last != 1 and given.dtype in (torch.float16, torch.complex32)):
        return True
    steps = [step for size, step in zip(front.shape, front.stride, strict=True) if size > 1]
    if steps and steps[-1] == 0:
        return True
    for d in reversed(dims[:-1]):
        if given.shape[d] == 1:
            continue
        if given.stride[d] <= 0 or given.stride[d] % last:
            return True
        last = given.stride[d]
    return False


def _in_one_plan(dims: Sequence[int]) -> bool:
    """use_optimized_cufft_path: what has a real side is done at once."""
    return len(dims) <= _MOST and tuple(dims[:2]) != (0, 1)


def _complex_plans(given: TensorMeta, dims: Sequence[int]) -> list[_Plan]:
    """_fft_c2c_cufft: three dimensions a plan, those of the smallest strides first."""
    plans, left = [], list(dims)
    while left:
        left.sort(key=lambda d, given=given: -given.stride[d])  # type: ignore[misc]
        plans.append(_plan(given, left[-_MOST:], given.shape, given.dtype))
        given, left = plans[-1].made, left[:-_MOST]
    return plans


def _from_real(x: TensorMeta, dims: Sequence[int], onesided: bool) -> list[_Plan]:
    """_fft_r2c_cufft: intermediate results have half of the last dimension."""
    half = [*x.shape]
    half[dims[-1]] = x.shape[dims[-1]] // 2 + 1
    dtype = _COMPLEX[x.dtype]
    if _in_one_plan(dims):
        return [_plan(x, dims, half if onesided else x.shape, dtype)]
    first = _plan(x, dims[-1:], half, dtype)
    return [first, *_complex_plans(first.made, dims[:-1])]


def _to_real(x: TensorMeta, dims: Sequence[int], last: int) -> list[_Plan]:
    """_fft_c2r_cufft: in one plan of a copy, which it may overwrite, or the last dimension last."""
    sizes = [*x.shape]
    sizes[dims[-1]] = last
    if _in_one_plan(dims):
        return [_plan(row_major(x.shape, x.dtype), dims, sizes, _REAL[x.dtype])]
    plans = _complex_plans(x, dims[:-1])
    return [*plans, _plan(plans[-1].made, dims[-1:], sizes, _REAL[x.dtype])]


@layout("aten._fft_c2c.default")
def complex_layout(x: Tensor, dims: Sequence[int], _norm: int, _forward: bool) -> Layouts | None:
    return (_complex_plans(describe(x), dims)[-1].made,) if dims else None


@layout("aten._fft_r2c.default")
def from_real_layout(x: Tensor, dims: Sequence[int], _norm: int, onesided: bool) -> Layouts | None:
    """Both halves of several plans' result are made in a row-major tensor."""
    if x.dtype not in _COMPLEX:
        return None
    if not (onesided or _in_one_plan(dims)):
        return (row_major(x.shape, _COMPLEX[x.dtype]),)
    return (_from_real(describe(x), dims, onesided)[-1].made,)


@layout("aten._fft_c2r.default")
def to_real_layout(x: Tensor, dims: Sequence[int], _norm: int, last: int) -> Layouts:
    return (_to_real(describe(x), dims, last)[-1].made,)


@rule("aten._fft_c2c", source=f"{_SOURCE} _fft_c2c_cufft", kind="modelled")
def complex_to_complex(call: Call) -> list[Action]:
    return _in_turns(_complex_plans(call.args[0], call.args[1]), call.outputs[0].bytes)


@rule("aten._fft_r2c", source=f"{_SOURCE} _fft_r2c_cufft", kind="modelled")
def real_to_complex(call: Call) -> list[Action] | None:
    x, dims, _, onesided = call.args
    if x.dtype not in _COMPLEX:
        return None
    plans = _from_real(x, dims, onesided)
    return _in_turns(plans, call.outputs[0].bytes, other=len(plans) > 1 and not onesided)


@rule("aten._fft_c2r", source=f"{_SOURCE} _fft_c2r_cufft", kind="modelled")
def complex_to_real(call: Call) -> list[Action]:
    """The result first, then the copy, or what the dimensions but the last give."""
    x, dims, _, last = call.args
    *plans, final = _to_real(x, dims, last)
    if not plans:
        return [out(0), alloc("input", x.bytes), *final.scratch(), free("input")]
    return [out(0), *_several(plans, x.bytes), *final.scratch()]


def _in_turns(plans: Sequence[_Plan], size: int, *, other: bool = False) -> list[Action]:
    """Plans of one result: it is what the last of them wrote, or the `other` of two tensors."""
    if len(plans) < 2:
        return [out(0), *(action for plan in plans for action in plan.scratch())]
    names = ("first", "second")
    return [*_several(plans, size), out_from(0, names[(len(plans) - 1 + other) % 2])]


def _several(plans: Sequence[_Plan], size: int) -> list[Action]:
    """Plans one after the other, into two tensors by turns."""
    actions: list[Action] = []
    for number, plan in enumerate(plans):
        if number < 2:
            actions.append(alloc(("first", "second")[number], size))
        actions += plan.scratch()
    return actions
