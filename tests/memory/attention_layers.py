"""Layers of attention that take each path of torch's fused kernels for inference."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Layers(nn.Module):
    """Kernels and products; with weights; masks of keys, of scores, and none; each activation."""

    def __init__(self) -> None:
        super().__init__()

        def layer(heads: int, **options: object) -> nn.Module:
            return nn.TransformerEncoderLayer(96, heads, 160, batch_first=True, **options)

        self.encoder = nn.TransformerEncoder(layer(4), 2)
        self.pre_norm = layer(2, activation="gelu", norm_first=True)
        self.small_heads = layer(8)
        self.tiny_heads = layer(16)  # of 6 elements: no kernel has them
        self.odd_heads = layer(3)  # torch keeps to its composite layer
        self.attention = nn.MultiheadAttention(96, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        padded = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
        padded[0, :2] = True
        x = self.encoder(x)
        x = self.encoder(x, mask=later)
        x = self.pre_norm(x, src_key_padding_mask=padded)
        x = self.pre_norm(x, src_mask=later, src_key_padding_mask=padded)
        long = x[:, :1].repeat(1, 1100, 1)  # more than a masked softmax has in one block
        x = x + self.pre_norm(long, src_key_padding_mask=long[..., 0] != long[..., 0]).mean()
        x = self.odd_heads(self.tiny_heads(self.small_heads(x)))
        x, weights = self.attention(x, x, x)
        x, more = self.attention(x, x, x, attn_mask=later, average_attn_weights=False)
        return x * weights.sum() * more.sum()
