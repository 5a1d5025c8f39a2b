"""Embeddings on meta tensors, and their gradient."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nincost._devices.declare import layout, refusal
from nincost._devices.output_layouts import all_plain, row_major
from nincost._trace.meta_operators import Layouts


@refusal("aten.embedding.default")
def refuse_fractions(_weight: Tensor, indices: Tensor, *_: Any, **__: Any) -> None:
    if indices.is_floating_point():
        raise RuntimeError(f"expected indices of whole numbers, but got {indices.dtype}")


@layout("aten.embedding_dense_backward.default")
def embedding_backward(grad: Tensor, _indices: Tensor, rows: int, *_: Any) -> Layouts | None:
    """The gradient of the whole table: (rows, width)."""
    return (row_major((rows, grad.shape[-1]), grad.dtype),) if all_plain(grad) else None
