"""Losses on meta tensors, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import correction, layout
from nincost._devices.output_layouts import all_plain, make_row_major, row_major, row_major_like
from nincost._trace.meta_operators import Layouts


@layout("aten.nll_loss_forward.default")
def nll_loss(
    x: Tensor, target: Tensor, _weight: Any, reduction: int, _ignore: int
) -> Layouts | None:
    """The loss and the total weight, a number each; of (N, classes) and N targets."""
    if x.dim() != 2 or target.shape != x.shape[:1] or reduction == 0 or not all_plain(x):
        return None
    scalar = row_major((), x.dtype)
    return None if target.dtype is not torch.int64 else (scalar, scalar)


@layout("aten.nll_loss_backward.default")
def nll_loss_backward(grad: Tensor, x: Tensor, target: Tensor, *_: Any) -> Layouts | None:
    fits = x.dim() == 2 and grad.dim() == 0 and target.shape == x.shape[:1]
    return row_major_like(x) if fits and target.dtype is torch.int64 and all_plain(x) else None


@correction(
    "aten.mse_loss_backward.default", "aten.smooth_l1_loss_backward.default",
    "aten.huber_loss_backward.default",
)  # fmt: skip
def row_major_gradient(result: Any, *_: Any) -> Any:
    """native/Loss.cpp mse_loss_backward, smooth_l1_loss_backward, huber_loss_backward."""
    return make_row_major(result)
