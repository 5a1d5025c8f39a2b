"""Attention, fused and written out, against loops and a CPU run's own operators."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import nincost
from nincost._profile import op_cost
from nincost._trace.recorder import Recorder


class Functional(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


B, H, L, S, E = 2, 3, 5, 7, 8


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain", {}),
        ("causal", {"is_causal": True}),
        ("mask", {"attn_mask": torch.ones(L, S, dtype=torch.bool, device="meta")}),
        ("dropout", {"dropout_p": 0.5}),
    ],
)
def test_scaled_dot_product(count_attention: Any, name: str, options: dict[str, Any]) -> None:
    function = Functional(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options))
    given = (torch.zeros(B, H, L, E), torch.zeros(B, H, S, E), torch.zeros(B, H, S, E))
    result = nincost.profile(function, input=given)
    assert result.totals.macs == count_attention(B, H, L, S, E)
    assert not result.uncounted


def test_grouped_query_attention(count_attention: Any) -> None:
    function = Functional(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True))
    given = (torch.zeros(B, 4, L, E), torch.zeros(B, 2, S, E), torch.zeros(B, 2, S, E))
    assert nincost.profile(function, input=given).totals.macs == count_attention(B, 4, L, S, E)


@pytest.mark.parametrize("value", [4, 16])
def test_values_of_another_width(value: int) -> None:
    given = (torch.zeros(B, H, L, E), torch.zeros(B, H, S, E), torch.zeros(B, H, S, value))
    result = nincost.profile(Functional(F.scaled_dot_product_attention), input=given)
    assert result.totals.macs == B * H * L * S * (E + value)


def test_written_out_it_costs_the_same(count_attention: Any) -> None:
    function = Functional(lambda q, k, v: torch.softmax(q @ k.transpose(-1, -2), -1) @ v)
    given = (torch.zeros(B, H, L, E), torch.zeros(B, H, S, E), torch.zeros(B, H, S, E))
    assert nincost.profile(function, input=given).totals.macs == count_attention(B, H, L, S, E)


@pytest.mark.parametrize(
    ("name", "options", "shapes"),
    [
        ("self", {}, [(L, B, E)] * 3),
        ("batch first", {"batch_first": True}, [(B, L, E), (B, S, E), (B, S, E)]),
        ("cross", {}, [(L, B, E), (S, B, E), (S, B, E)]),
        ("no bias", {"bias": False}, [(L, B, E), (S, B, E), (S, B, E)]),
        ("kdim, vdim", {"kdim": 6, "vdim": 10}, [(L, B, E), (S, B, 6), (S, B, 10)]),
        ("bias_kv", {"add_bias_kv": True}, [(L, B, E), (S, B, E), (S, B, E)]),
        ("zero", {"add_zero_attn": True}, [(L, B, E), (S, B, E), (S, B, E)]),
        ("both", {"add_bias_kv": True, "add_zero_attn": True}, [(L, B, E), (S, B, E), (S, B, E)]),
        ("unbatched", {}, [(L, E), (S, E), (S, E)]),
    ],
)
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention(
    count_attention: Any, name: str, options: dict[str, Any], shapes: list[tuple[int, ...]],
    need_weights: bool,
) -> None:  # fmt: skip
    heads = 2
    layer = nn.MultiheadAttention(E, heads, **options)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = layer

        def forward(self, *inputs: torch.Tensor) -> Any:
            return self.attention(*inputs, need_weights=need_weights)

    result = nincost.profile(Net(), input=tuple(torch.zeros(s) for s in shapes))
    batch = 1 if name == "unbatched" else B
    source = L if name == "self" else S
    attended = source + options.get("add_bias_kv", False) + options.get("add_zero_attn", False)
    projections = batch * (
        2 * L * E * E + source * E * options.get("kdim", E) + source * E * options.get("vdim", E)
    )
    attention = count_attention(batch, heads, L, attended, E // heads)
    assert result.totals.macs == projections + attention
    assert result.totals.params == sum(p.numel() for p in layer.parameters())
    assert sum(row.params for row in result.layers) == result.totals.params
    assert not result.uncounted


def encoder_macs(batch: int, length: int, width: int, forward: int, layers: int) -> int:
    one = 4 * length * width * width + 2 * length * length * width + 2 * length * width * forward
    return batch * layers * one


def test_transformer_encoder() -> None:
    layer = nn.TransformerEncoderLayer(E, 2, 16, batch_first=True)
    net = nn.TransformerEncoder(layer, 3)
    for mode in ("eval", "train"):
        result = nincost.profile(net, input=f"{L}x{E}", batch_size=B, mode=mode)
        assert result.totals.macs == encoder_macs(B, L, E, 16, 3)
        assert result.totals.params == sum(p.numel() for p in net.parameters())


def test_the_cpu_fast_path_costs_the_same() -> None:
    """Fused encoder layers run where a model falls back to the CPU; the count must not change."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(E, 2, 16, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.encoder(x) if x.sum().numpy() > -1e9 else x

    result = nincost.profile(Net(), input=f"{L}x{E}", batch_size=B, on_cpu=True)
    assert result.device == "cpu"
    assert result.totals.macs == encoder_macs(B, L, E, 16, 3)
    assert not result.uncounted


def macs_of(function: Any) -> int:
    recorder = Recorder(on_meta=False)
    with torch.no_grad(), recorder:
        function()
    return sum(op_cost(op.signature).macs for op in recorder.ops)


def test_native_multi_head_attention() -> None:
    x = torch.zeros(B, L, E)
    weights = (torch.zeros(3 * E, E), torch.zeros(3 * E), torch.zeros(E, E), torch.zeros(E))
    count = macs_of(lambda: torch._native_multi_head_attention(x, x, x, E, 2, *weights))
    assert count == B * (4 * L * E * E + 2 * L * L * E)


@pytest.mark.parametrize(
    "operator",
    [
        "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_cudnn_attention",
    ],
)  # fmt: skip
def test_cuda_kernels_agree_with_flop_counter(operator: str) -> None:
    shapes = [(B, H, 64, 64)] * 3
    q, k, v = (torch.empty(s, dtype=torch.float16, device="meta") for s in shapes)
    options = {"compute_log_sumexp": False}
    extra: tuple[Any, ...] = (None,) if operator != "_scaled_dot_product_flash_attention" else ()
    call = getattr(torch.ops.aten, operator)
    arguments = (q, k, v, *extra, *([False] if extra else []))
    recorder = Recorder(on_meta=True)
    with recorder:
        call(*arguments)
    with FlopCounterMode(display=False) as counter:
        call(*arguments)
    assert options
    assert sum(op_cost(op.signature).macs for op in recorder.ops) == (
        counter.get_total_flops() // 2
    )
