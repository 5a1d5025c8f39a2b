"""Updates in backward, activations on the CPU and averages of the weights, against their sizes."""

from __future__ import annotations

from torch import nn

import nincost

MODEL = nn.Sequential(*[nn.Linear(512, 512, bias=False) for _ in range(8)])
WEIGHT = 512 * 512 * 4
OPTIONS = {
    "input": "512", "batch_size": 512, "gpu": "h100", "loss": "sum", "optimizer": "SGD",
    "optimizer_arg": {"momentum": 0.9}, "measure": False,
}  # fmt: skip


def test_each_option_saves_or_costs_what_it_is_made_of() -> None:
    usual = nincost.memory(MODEL, **OPTIONS)
    average = nincost.memory(MODEL, ema="torch", **OPTIONS)
    in_backward = nincost.memory(MODEL, optimizer_in_backward=True, **OPTIONS)
    offloaded = nincost.memory(MODEL, offload_activations="pinned", **OPTIONS)
    assert _after_step(average) - _after_step(usual) == 8 * WEIGHT
    # All gradients are gone by the end of backward, but momentum is there in the first step.
    assert _after_step(usual) - _after_step(in_backward) == 8 * WEIGHT
    assert in_backward.totals.categories_at_peak["gradients"] <= 2 * WEIGHT
    assert usual.totals.categories_at_peak["gradients"] == 8 * WEIGHT
    # Of seven saved activations (the input stays) and the weights none is on the card.
    assert _after_forward(usual) - _after_forward(offloaded) == 7 * WEIGHT
    assert "a moving average of the weights (torch)" in str(average)


def test_offloaded_views_are_copied_in_order() -> None:
    class Transposed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(512, 512)

        def forward(self, x):
            y = self.linear(x)
            return y.t().exp() * y[:, :256].sum(), y[:, :256].exp()

    def loss(output):
        return output[0].sum() + output[1].sum()

    found = [
        nincost.memory(Transposed(), **{**OPTIONS, "loss": loss, "offload_activations": how})
        for how in ("pageable", "pinned")
    ]
    assert all(one.totals.peak_allocated_bytes > 0 for one in found)


def _after_step(result: nincost.Memory) -> int:
    return result.totals.phases["after_step"]


def _after_forward(result: nincost.Memory) -> int:
    return result.totals.phases["after_forward"]
