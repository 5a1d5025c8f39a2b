"""Matrix products on meta tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import layout, refusal
from nincost._devices.output_layouts import row_major
from nincost._trace.meta_operators import Layouts
from nincost._trace.records import TensorMeta


def _same_type(*tensors: Tensor) -> bool:
    """Whether all are floating-point of one type, and none is empty; in any order in memory."""
    first = tensors[0].dtype
    return first.is_floating_point and all(t.dtype is first and t.numel() > 0 for t in tensors)


@layout("aten.mm.default")
def mm(left: Tensor, right: Tensor) -> Layouts | None:
    """(n, k) times (k, m) is (n, m)."""
    if left.dim() != 2 or right.dim() != 2 or left.shape[1] != right.shape[0]:
        return None
    if not _same_type(left, right):
        return None
    return (row_major((left.shape[0], right.shape[1]), left.dtype),)


@layout("aten.addmm.default")
def addmm(bias: Tensor, left: Tensor, right: Tensor, **scale: Any) -> Layouts | None:
    """The product with a bias of (m) added."""
    product = mm(left, right)
    if scale or product is None or bias.dim() != 1 or bias.dtype is not left.dtype:
        return None
    return product if bias.shape[0] == right.shape[1] else None


@layout("aten.bmm.default")
def bmm(left: Tensor, right: Tensor) -> Layouts | None:
    """(b, n, k) times (b, k, m) is (b, n, m)."""
    if left.dim() != 3 or right.dim() != 3 or left.shape[0] != right.shape[0]:
        return None
    if left.shape[2] != right.shape[1] or not _same_type(left, right):
        return None
    return (row_major((left.shape[0], left.shape[1], right.shape[2]), left.dtype),)


@layout("aten._grouped_mm.default")
def grouped_mm(
    left: Tensor, right: Tensor, offs: Tensor | None = None, *_: Any, **_options: Any
) -> Layouts | None:
    """Groups of rows, or of what is summed over, each times a matrix of its own.

    Rows are padded to 16 bytes (aten/src/ATen/native/GroupedMMUtils.h
    create_grouped_gemm_output_tensor). torch's own meta kernel refuses float32, which real ones
    take.
    """
    groups = () if offs is None else offs.shape
    if left.dim() == right.dim():
        shape = (*(left.shape[:1] if left.dim() == 3 else groups), left.shape[-2], right.shape[-1])
    else:
        shape = (left.shape[-2], right.shape[-1])
    padding = 16 // left.dtype.itemsize
    row = -(-shape[-1] // padding) * padding
    stride = (row, 1) if len(shape) == 2 else (shape[1] * row, row, 1)
    return (TensorMeta(torch.Size(shape), stride, left.dtype),)


@refusal("aten.addmm.default", "aten.addmv.default", "aten.mm.default", "aten.mv.default")
def of_one_type(*args: Any, **_: Any) -> None:
    """Contractions' meta kernels, unlike all real ones, take tensors of several types."""
    kinds = dict.fromkeys(str(arg.dtype) for arg in args if isinstance(arg, Tensor))
    if len(kinds) > 1:
        raise RuntimeError(f"expected tensors of one dtype, but got {' and '.join(kinds)}")
