"""Matrix products on meta tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nincost._devices.declare import layout, refusal
from nincost._devices.output_layouts import row_major
from nincost._trace.meta_operators import Layouts


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


@refusal("aten.addmm.default", "aten.addmv.default", "aten.mm.default", "aten.mv.default")
def of_one_type(*args: Any, **_: Any) -> None:
    """Contractions' meta kernels, unlike all real ones, take tensors of several types."""
    kinds = dict.fromkeys(str(arg.dtype) for arg in args if isinstance(arg, Tensor))
    if len(kinds) > 1:
        raise RuntimeError(f"expected tensors of one dtype, but got {' and '.join(kinds)}")
