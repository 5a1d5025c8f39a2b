"""What an optimizer keeps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._step.optimizer import state_tensors


class _Quantized(Tensor):
    """Codes and a scale that stand for a tensor, as libraries of 8-bit optimizers have them."""

    codes: Tensor
    scale: Tensor

    @staticmethod
    def __new__(cls, codes: Tensor, scale: Tensor):
        return Tensor._make_wrapper_subclass(cls, codes.shape, dtype=scale.dtype)

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        self.codes, self.scale = codes, scale

    def __tensor_flatten__(self):
        return ["codes", "scale"], None

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        raise AssertionError(f"{func} was called")


def test_state_of_a_subclass_counts_by_its_parts() -> None:
    parameter = torch.nn.Parameter(torch.zeros(8))
    optimizer = torch.optim.Adam([parameter])
    step, average = torch.tensor(0.0), torch.zeros(8)
    codes, scale = torch.zeros(8, dtype=torch.uint8), torch.ones(1)
    optimizer.state[parameter] = {
        "step": step, "exp_avg": average, "exp_avg_sq": _Quantized(codes, scale),
    }  # fmt: skip
    found = state_tensors(optimizer)
    assert [id(one) for one in found] == [id(one) for one in (step, average, codes, scale)]
