"""Attention over a neighbourhood or with convolved scores, rotary embeddings, an MLP."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from liger_cases.measure import Case, Loop, liger


def causal_mask(length: int) -> torch.Tensor:
    """What each position may see, as booleans."""
    ones = torch.ones(length, length, dtype=torch.bool, device="cuda")
    return torch.tril(ones).view(1, 1, length, length)


class ConvolvedScores(nn.Module):
    """Causal softmax (or sparsemax) of scores, and a convolution over them."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        out, into, kernel = case["C_out"], case["C_in"] // case["groups"], case["K"]
        options: dict[str, Any] = {"dtype": case.dtype, "device": "cuda"}
        self.weight = nn.Parameter(torch.empty(out, into, kernel, kernel, **options))
        self.bias = nn.Parameter(torch.empty(out, **options)) if case["bias"] else None
        self.padding = kernel // 2
        self.groups = case["groups"]

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        length = scores.shape[-1]
        mask = causal_mask(length)
        inf = torch.tensor(-1e9, device=scores.device, dtype=scores.dtype)
        zero = torch.tensor(0.0, device=scores.device, dtype=scores.dtype)
        masked = scores.masked_fill(~mask, inf)
        probs = functional.softmax(masked, dim=-1)
        out = functional.conv2d(
            probs, self.weight, self.bias, padding=self.padding, groups=self.groups
        )
        return out.masked_fill(~mask, zero)


class SparseConvolvedScores(ConvolvedScores):
    """With sparsemax, in float32; the names keep alive what the script's names do."""

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        length = scores.shape[-1]
        mask = causal_mask(length)
        inf = torch.tensor(-1e9, device=scores.device, dtype=torch.float32)
        zero = torch.tensor(0.0, device=scores.device, dtype=torch.float32)
        wide = scores.to(torch.float32)
        z = wide.masked_fill(~mask, inf)
        z_sorted, _ = torch.sort(z, dim=-1, descending=True)
        sums = torch.cumsum(z_sorted, dim=-1)
        k = torch.arange(1, length + 1, device=z.device, dtype=z.dtype).view(1, 1, 1, length)
        is_positive = z_sorted > -1e8
        condition = (1 + k * z_sorted > sums) & is_positive
        support = torch.sum(condition, dim=-1, keepdim=True)
        safe = torch.max(support, torch.ones_like(support))
        sum_of_support = torch.gather(sums, dim=-1, index=safe.long() - 1)
        tau = (sum_of_support - 1) / safe.to(z.dtype)
        tau = torch.where(support == 0, torch.full_like(tau, math.inf), tau)
        probs = torch.clamp(z - tau, min=0)
        weight = self.weight.to(torch.float32)
        bias = None if self.bias is None else self.bias.to(torch.float32)
        out = functional.conv2d(probs, weight, bias, padding=self.padding, groups=self.groups)
        return out.masked_fill(~mask, zero).to(scores.dtype)


def warm_up(
    case: Case, loop: Loop, forward: Callable[[], torch.Tensor], dy: torch.Tensor
) -> torch.Tensor | None:
    """What these scripts do before they time anything; they keep the output while they do."""
    if loop.measures:
        return None
    y = forward()
    if case.mode != "forward":
        y.backward(dy, retain_graph=True)
    return y


def multi_token_attention(case: Case, loop: Loop, kind: type[nn.Module] = ConvolvedScores) -> None:
    """The sibling's weights lie on the card, too."""
    sibling = kind(case)
    layer = kind(case)
    x = torch.randn((case["B"], case["C_in"], case.x, case.x), dtype=case.dtype, device="cuda")
    dy = torch.randn_like(x)
    x.requires_grad_(True)

    def forward() -> torch.Tensor:
        return layer(x)

    def full() -> None:
        y = forward()
        y.backward(dy, retain_graph=True)

    kept = warm_up(case, loop, forward, dy)
    loop(forward, full, lambda y: y.backward(dy, retain_graph=True), [x])
    del kept
    del sibling


def sparse_multi_token_attention(case: Case, loop: Loop) -> None:
    """The same with sparsemax."""
    multi_token_attention(case, loop, SparseConvolvedScores)


class NeighbourhoodAttention(nn.Module):
    """Attention with a mask that is made, element by element, in each call."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        width = case["hidden_size"]
        self.heads = case["num_heads"]
        self.reach = case["kernel_size"] // 2 * case["dilation"]
        self.step = case["dilation"]
        self.scale = 1 / math.sqrt(width // self.heads)
        self.q, self.k, self.v, self.out = (
            nn.Linear(width, width, bias=case["bias"]) for _ in range(4)
        )

    def _mask(self, length: int) -> torch.Tensor:
        mask = torch.zeros(length, length, device="cuda", dtype=torch.bool)
        for i in range(length):
            for j in range(max(0, i - self.reach), min(length, i + self.reach + 1)):
                if (j - i) % self.step == 0:
                    mask[i, j] = True
        return mask

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        query, key, value = self.q(x), self.k(x), self.v(x)
        shape = (batch, length, self.heads, width // self.heads)
        query = query.view(shape).transpose(1, 2)
        key = key.view(shape).transpose(1, 2)
        value = value.view(shape).transpose(1, 2)
        scores = torch.matmul(query, key.transpose(-2, -1)) * self.scale
        mask = self._mask(length)
        scores = scores.masked_fill(~mask, -math.inf)
        weights = torch.softmax(scores, dim=-1)
        found = torch.matmul(weights, value)
        found = found.transpose(1, 2).contiguous().view(batch, length, width)
        return self.out(found)


def neighbourhood_attention(case: Case, loop: Loop) -> None:
    """The sibling has the same four layers."""
    kind = liger("transformers.fused_neighborhood_attention", "LigerFusedNeighborhoodAttention")
    if kind is not None:
        names = ("hidden_size", "num_heads", "kernel_size", "dilation", "bias")
        sibling = kind(**{name: case[name] for name in names}, dropout=0.0)
    elif case.provider == "liger":
        return
    else:
        sibling = NeighbourhoodAttention(case)
    sibling = sibling.to("cuda").to(case.dtype)
    layer = NeighbourhoodAttention(case).to("cuda").to(case.dtype)
    shape = (case["batch_size"], case.x, case["hidden_size"])
    x = torch.randn(shape, dtype=case.dtype, device="cuda")
    dy = torch.randn_like(x)
    x.requires_grad_(True)

    def forward() -> torch.Tensor:
        return (sibling if case.provider == "liger" else layer)(x)

    def full() -> None:
        y = forward()
        y.backward(dy, retain_graph=True)

    kept = warm_up(case, loop, forward, dy)
    loop(forward, full, lambda y: y.backward(dy, retain_graph=True), [x])
    del kept


def _rotated(
    q: torch.Tensor, k: torch.Tensor, angles: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as complex numbers, which live until both are rotated."""
    complex_q = torch.view_as_complex(q.float().reshape(*q.shape[:-1], -1, 2))
    complex_k = torch.view_as_complex(k.float().reshape(*k.shape[:-1], -1, 2))
    q_out = torch.view_as_real(complex_q * angles[:, :, None, :]).flatten(3)
    k_out = torch.view_as_real(complex_k * angles[:, :, None, :]).flatten(3)
    return q_out.type_as(q), k_out.type_as(k)


def llama4_rope(case: Case, loop: Loop) -> None:
    """Rotary embedding of Llama 4 as in transformers 4.55, where angles are a matrix product."""
    width = case.config.get("hidden_size", case.x)
    length = case.config.get("seq_len", case.x)
    heads, kv_heads = case["num_q_heads"], case["num_kv_heads"]
    steps = torch.arange(0, width // heads, 2, dtype=torch.int64).to("cuda", dtype=torch.float)
    frequencies = 1.0 / (10000.0 ** (steps / (width // heads)))
    del steps

    def made(count: int) -> torch.Tensor:
        shape = (1, length, count, width // heads)
        return torch.randn(shape, device="cuda", requires_grad=True, dtype=case.dtype)

    q, k = made(heads), made(kv_heads)
    dq, dk = torch.randn_like(q), torch.randn_like(k)
    positions = torch.arange(length, device="cuda", dtype=torch.long).unsqueeze(0)
    with torch.no_grad():
        products = frequencies[None, :, None].expand(1, -1, 1) @ positions[:, None, :].float()
        products = products.transpose(1, 2)
        angles = torch.polar(torch.ones_like(products), products) * 1.0
    del products

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        return _rotated(q, k, angles)

    def full() -> None:
        q_out, k_out = forward()
        torch.autograd.grad(
            (q_out, k_out), (q, k), (dq, dk), allow_unused=True, retain_graph=loop.measures
        )

    def backward(both: tuple[torch.Tensor, torch.Tensor]) -> None:
        torch.autograd.grad(both, (q, k), (dq, dk), allow_unused=True, retain_graph=True)

    loop(forward, full, backward, [q, k])


class GatedMlp(nn.Module):
    """As in transformers' Llama, with GELU."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, inner, bias=False)
        self.up = nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(functional.gelu(self.gate(x), approximate="tanh") * self.up(x))


def tiled_geglu(case: Case, loop: Loop) -> None:
    """The MLP that the tiled ones are compared with."""
    shape = (case["bsz"], case.x, case["hidden_size"])
    x = torch.randn(*shape, device="cuda", dtype=case.dtype, requires_grad=True)
    layer = GatedMlp(case["hidden_size"], case["intermediate_size"]).to("cuda").to(case.dtype)
    if case.mode == "backward":
        dy = torch.randn_like(x)

    def forward() -> torch.Tensor:
        return layer(x)

    def full() -> None:
        y = forward()
        y.backward(torch.randn_like(y), retain_graph=True)

    loop(forward, full, lambda y: y.backward(dy, retain_graph=True), [x])
