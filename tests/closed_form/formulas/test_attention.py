"""The hand formula of attention, against torch's parameters and the trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nincost
from nincost._closed_form.formulas import attention


@pytest.mark.parametrize(
    "options",
    [
        {}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True},
        {"kdim": 6, "vdim": 10}, {"kdim": 6, "vdim": 10, "add_bias_kv": True},
        {"batch_first": True}, {"batch_first": True, "add_zero_attn": True, "bias": False},
    ],
)  # fmt: skip
def test_attention_by_hand_and_by_trace(options: dict[str, int]) -> None:
    e, length, source, batch = 8, 5, 7, 2
    layer = nn.MultiheadAttention(e, 2, **options)  # type: ignore[arg-type]
    first = options.get("batch_first")

    def shape(steps: int, width: int) -> tuple[int, ...]:
        return (batch, steps, width) if first else (steps, batch, width)

    shapes = (
        shape(length, e),
        shape(source, options.get("kdim", e)),
        shape(source, options.get("vdim", e)),
    )  # fmt: skip
    working = attention.multi_head_attention(layer, shapes)
    assert working.param_count == sum(p.numel() for p in layer.parameters())
    check = nincost.check(layer, input=tuple(map(torch.zeros, shapes)), other_tools=False)
    assert check.ok
    assert check.totals.hand_macs == working.mac_count > 0
