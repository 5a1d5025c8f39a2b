"""A plain Llama as trainers write it, torchtitan and litgpt among them, and their loss.

Two things differ from transformers' in memory: keys and values are repeated for each query head
before attention, and no cache is kept of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Width, hidden width, layers, heads, key-value heads, words of the vocabulary.
SIZES = {
    "tinyllama": (2048, 5632, 22, 32, 4, 32000),
    "7b": (4096, 11008, 32, 32, 32, 32000),
    "8b": (4096, 14336, 32, 32, 8, 128256),
    "405b": (16384, 53248, 126, 128, 8, 128256),
}


class RMSNorm(nn.Module):
    """In float32, then scaled in the type of its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt((wide * wide).mean(-1, keepdim=True) + 1e-5)
        return wide.type_as(x) * self.weight


class Attention(nn.Module):
    """Causal, of rotated queries and keys, with fewer heads for keys and values."""

    def __init__(self, width: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.size, self.repeats = width // heads, heads // kv_heads
        self.queries = nn.Linear(width, width, bias=False)
        self.keys = nn.Linear(width, kv_heads * self.size, bias=False)
        self.values = nn.Linear(width, kv_heads * self.size, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        queries, keys, values = (
            part(x).unflatten(-1, (-1, self.size))
            for part in (self.queries, self.keys, self.values)
        )
        queries, keys = rotated(queries, turns), rotated(keys, turns)
        if self.repeats > 1:
            keys, values = (part.repeat_interleave(self.repeats, 2) for part in (keys, values))
        found = functional.scaled_dot_product_attention(
            queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2), is_causal=True
        )
        return self.out(found.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def rotated(x: Tensor, turns: Tensor) -> Tensor:
    """Pairs of numbers turned as complex ones."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(3).type_as(x)


class Block(nn.Module):
    """Attention and a gated perceptron, each added to what came in."""

    def __init__(self, width: int, hidden: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.attention_norm, self.norm = RMSNorm(width), RMSNorm(width)
        self.attention = Attention(width, heads, kv_heads)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), turns)
        wide = self.norm(x)
        return x + self.down(functional.silu(self.gate(wide)) * self.up(wide))  # type: ignore[no-any-return]


class Llama(nn.Module):
    """Logits of a batch of words."""

    def __init__(self, size: str = "tinyllama") -> None:
        super().__init__()
        width, hidden, layers, heads, kv_heads, words = SIZES[size]
        self.embedding = nn.Embedding(words, width)
        self.layers = nn.ModuleList(Block(width, hidden, heads, kv_heads) for _ in range(layers))
        self.norm = RMSNorm(width)
        self.head = nn.Linear(width, words, bias=False)
        steps = 10_000.0 ** -(torch.arange(0, width // heads, 2) / (width // heads))
        angles = torch.outer(torch.arange(8192).float(), steps)
        self.register_buffer("turns", torch.polar(torch.ones_like(angles), angles))

    def forward(self, words: Tensor) -> Tensor:
        turns = self.turns[: words.shape[1], None]
        x = self.embedding(words)
        for layer in self.layers:
            x = layer(x, turns)
        return self.head(self.norm(x))  # type: ignore[no-any-return]


def in_float32(logits: Tensor) -> Tensor:
    """Cross-entropy of the logits in float32, as torchtitan takes it, and Lightning's Fabric."""
    logits = logits.flatten(0, -2).float()
    return functional.cross_entropy(logits, torch.zeros_like(logits[:, 0], dtype=torch.int64))
