"""Losses on meta tensors, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
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


@layout("aten._ctc_loss.default")
def of_lengths(
    scores: Tensor, _labels: Tensor, _lengths: Sequence[int], label_lengths: Sequence[int],
    *_rest: Any,
) -> Layouts:  # fmt: skip
    """Loss of each sequence; the probabilities alpha of each step and place."""
    return _outputs(scores, max(label_lengths, default=0))


@layout("aten._ctc_loss.Tensor")
def of_tensors(scores: Tensor, labels: Tensor, *_rest: Any) -> Layouts:
    """As far as shapes say it: labels may be longer than any sequence of them."""
    return _outputs(scores, labels.shape[-1])


def _outputs(scores: Tensor, longest: int) -> Layouts:
    steps, batch = scores.shape[:2]
    return (
        row_major((batch,), scores.dtype),
        row_major((batch, steps, 2 * longest + 1), scores.dtype),
    )


@layout("aten._ctc_loss_backward.default")
def gradient(_grad: Tensor, scores: Tensor, *_rest: Any) -> Layouts:
    return (row_major(scores.shape, scores.dtype),)
