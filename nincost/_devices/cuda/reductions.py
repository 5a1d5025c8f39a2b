"""Sums, means and other reductions: what thread blocks share where several work on one output."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nincost._devices.declare import rule
from nincost._devices.libraries.reductions import ReductionKind, reduction_scratch
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta
from nincost.errors import InputError

_KINDS: dict[str, ReductionKind] = {
    "aten.sum": "sum",
    "aten.mean": "mean",
    "aten.linalg_vector_norm": "norm",
    "aten.var": "var",
    "aten.amax": "extreme",
    "aten.amin": "extreme",
    "aten.max": "extreme",
    "aten.min": "extreme",
    "aten.argmax": "extreme",
}


def scratch(
    target: Target, x: TensorMeta, dims: Sequence[int], kind: ReductionKind = "sum"
) -> list[Action]:
    """The scratch of a reduction over `dims` (all where empty), allocated and freed."""
    try:
        found = reduction_scratch(
            x.shape,
            dims,
            dtype=str(x.dtype).removeprefix("torch."),
            sm_count=target.multiprocessors,
            threads_per_sm=target.gpu.limits.threads_per_sm,
            strides=x.stride,
            kind=kind,
        )
    except InputError:  # a type that the model of reductions does not know, such as bool
        return []
    names = [f"partial results {index}" for index in range(len(found.sizes))]
    taken: list[Action] = [alloc(n, size) for n, size in zip(names, found.sizes, strict=True)]
    return taken + [free(name) for name in reversed(names)]


@rule(
    *_KINDS,
    source="aten/src/ATen/native/cuda/Reduce.cuh setReduceConfig (installed header)",
)
def reduction(call: Call) -> list[Action]:
    """The outputs, then the scratch. The dimensions are the first list of numbers given."""
    x = call.args[0]
    position = 2 if call.signature.name == "aten.linalg_vector_norm" else 1
    given = call.args[position] if len(call.args) > position else ()
    if isinstance(given, TensorMeta):  # the larger of two tensors, element by element
        return [out(0)]
    dims = tuple(given) if isinstance(given, list | tuple) else (given,) if given else ()
    if isinstance(given, int) and not isinstance(given, bool):
        dims = (given,)
    outputs = [out(index) for index in range(len(call.outputs))]
    copy = converted(x, call.outputs[0].dtype)
    if call.signature.name not in ("aten.sum", "aten.mean") or copy is None:
        return [*outputs, *scratch(call.target, x, dims, _KINDS[call.signature.name])]
    used = scratch(call.target, copy, dims, _KINDS[call.signature.name])
    return [*outputs, alloc("converted", copy.bytes), *used, free("converted")]


def converted(x: TensorMeta, dtype: torch.dtype) -> TensorMeta | None:
    """The copy in the result's type that is summed: for all but half precision summed in float.

    aten/src/ATen/native/ReduceOpsUtils.h make_reduction_from_ty.
    """
    lowp = x.dtype in (torch.float16, torch.bfloat16) and dtype is torch.float32
    if x.dtype is dtype or lowp:
        return None
    made = torch.empty_strided(x.shape, x.stride, dtype=dtype, device="meta")
    made = torch.empty_like(made)  # without gaps
    return TensorMeta(made.shape, made.stride(), dtype)


def accumulator_bytes(itemsize: int) -> int:
    """Bytes of the type that sums are taken in: float for half, bfloat16 and float."""
    return max(4, itemsize)
