"""Llama, written out, for scripts whose time is measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Size:
    """As in Meta's configurations of Llama 3."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int
    vocabulary: int = 128256


SIZES = {
    "125m": Size(768, 12, 12, 12, 2048, 32000),
    "8b": Size(4096, 32, 32, 8, 14336),
    "70b": Size(8192, 80, 64, 8, 28672),
}


class Attention(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.each = size.width // size.heads
        self.wq = nn.Linear(size.width, size.heads * self.each, bias=False)
        self.wk = nn.Linear(size.width, size.kv_heads * self.each, bias=False)
        self.wv = nn.Linear(size.width, size.kv_heads * self.each, bias=False)
        self.wo = nn.Linear(size.heads * self.each, size.width, bias=False)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (
            layer(x).view(batch, length, -1, self.each).transpose(1, 2)
            for layer in (self.wq, self.wk, self.wv)
        )
        q, k = turned(q, cosines, sines), turned(k, cosines, sines)
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.wo(out.transpose(1, 2).reshape(batch, length, -1))  # type: ignore[no-any-return]


def turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotary positions: each pair of halves turned by its angle."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat(
        [first * cosines - second * sines, second * cosines + first * sines], dim=-1
    ).to(x.dtype)


class FeedForward(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.w1 = nn.Linear(size.width, size.hidden, bias=False)
        self.w3 = nn.Linear(size.width, size.hidden, bias=False)
        self.w2 = nn.Linear(size.hidden, size.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(functional.silu(self.w1(x)) * self.w3(x))  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.attention, self.feed_forward = Attention(size), FeedForward(size)
        self.attention_norm, self.ffn_norm = nn.RMSNorm(size.width), nn.RMSNorm(size.width)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cosines, sines)
        return x + self.feed_forward(self.ffn_norm(x))  # type: ignore[no-any-return]


class Llama(nn.Module):
    """Tokens of (batch, length) to logits of (batch, length, vocabulary)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.each = size.width // size.heads
        self.tok_embeddings = nn.Embedding(size.vocabulary, size.width)
        self.layers = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width)
        self.output = nn.Linear(size.width, size.vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        rates = 5e5 ** (-torch.arange(0, self.each, 2, device=tokens.device) / self.each)
        angles = torch.outer(places, rates)
        x, cosines, sines = self.tok_embeddings(tokens), angles.cos(), angles.sin()
        for layer in self.layers:
            x = layer(x, cosines, sines)
        return self.output(self.norm(x))  # type: ignore[no-any-return]
