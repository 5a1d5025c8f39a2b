"""Connectionist temporal classification, by PyTorch's own kernels.

cuDNN's, which run for int32 labels in one row, are not modelled.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import rule, substitute
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target

#: at::Reduction::Mean and ::Sum.
_MEAN, _SUM = 1, 2

#: What the kernels get of the lengths on the device: where targets begin, and both lengths.
_LISTS = ("offsets", "input lengths", "target lengths")


@substitute("aten.ctc_loss.Tensor", "aten.ctc_loss.IntList")
def ctc_loss(
    target: Target, scores: Tensor, labels: Tensor, lengths: Any, label_lengths: Any,
    blank: int = 0, reduction: int = _MEAN, zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """aten/src/ATen/native/LossCTC.cpp ctc_loss: lengths are read back, and are numbers then."""
    cudnn = target.settings.cudnn and blank == 0 and labels.dim() == 1
    if cudnn and labels.dtype is torch.int32 and scores.dtype is torch.float32:
        return NotImplemented
    sizes, label_sizes = (
        one.reshape(-1).tolist() if isinstance(one, Tensor) else list(one)
        for one in (lengths, label_lengths)
    )
    batched = scores if scores.dim() == 3 else scores.unsqueeze(1)
    result = torch.ops.aten._ctc_loss.default(
        batched, labels.to(scores.device, torch.int64), sizes, label_sizes, blank, zero_infinity
    )[0]
    if zero_infinity:
        zero = torch.zeros((), dtype=result.dtype, device=result.device)
        result = torch.where(result == float("inf"), zero, result)
    if reduction == _MEAN:
        return (result / result.new_empty(len(label_sizes)).clamp_min(1)).mean()
    if reduction == _SUM:
        return result.sum()
    return result if scores.dim() == 3 else result.squeeze(0)


@rule("aten._ctc_loss", source="aten/src/ATen/native/cuda/LossCTC.cu ctc_loss_gpu_template")
def forward(call: Call) -> list[Action]:
    return [*_lists(call.args[0].shape[1]), out(1), out(0)]


def _lists(batch: int) -> list[Action]:
    return [alloc(name, 8 * batch) for name in _LISTS]


@rule(
    "aten._ctc_loss_backward",
    source="aten/src/ATen/native/cuda/LossCTC.cu ctc_loss_backward_gpu_template",
)
def backward(call: Call) -> list[Action]:
    """Beta is as large as alpha, and freed first."""
    scores, alpha = call.args[1], call.args[6]
    return [
        *_lists(scores.shape[1]), alloc("beta", alpha.bytes), out(0), free("beta"),
    ]  # fmt: skip
