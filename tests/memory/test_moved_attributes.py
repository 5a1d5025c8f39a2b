"""What a model's own `_apply` moves is on the card, as `module.to` puts it there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import nincost


class Strided(nn.Module):
    """As ultralytics' detectors: a tensor that is no buffer, and goes where the module goes."""

    def __init__(self, moves: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.strides = torch.arange(3000)
        self.moves = moves

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        if self.moves:
            self.strides = fn(self.strides)
        return self

    def forward(self, x: Tensor) -> Tensor:
        assert self.strides[1] == 1
        return self.linear(x)


def test_a_tensor_that_moves_with_its_model_is_counted_and_known() -> None:
    options = {"input": "8", "gpu": "h100", "measure": False}
    stays, moves = (nincost.memory(Strided(moves), **options) for moves in (False, True))
    extra = moves.totals.phases["after_model"] - stays.totals.phases["after_model"]
    assert extra == -(-3000 * 8 // 512) * 512
