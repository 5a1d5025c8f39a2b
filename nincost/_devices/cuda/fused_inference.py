"""Layers of attention in evaluation without gradients, on CUDA: `nn.MultiheadAttention` and more.

It and `nn.TransformerEncoderLayer` are each one operator there, which runs others within. Read in
aten/src/ATen/native/transformers/{cuda/attention.cu, attention.cpp, transformer.cpp}, and compared
with PyTorch's own kernels over an emulated CUDA.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nincost._devices.declare import substitute
from nincost._devices.libraries.sdpa import AttentionCall, choose_backend
from nincost._devices.target import Target

#: A row's elements and bytes up to which a masked softmax needs no filled copy of the scores.
_PERSISTENT_ELEMENTS, _PERSISTENT_BYTES = 1024, 4096


@substitute("aten._native_multi_head_attention")
def multi_head_attention(
    target: Target,
    query: Tensor,
    _key: Tensor,
    _value: Tensor,
    embed_dim: int,
    heads: int,
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    proj_weight: Tensor,
    proj_bias: Tensor,
    mask: Tensor | None = None,
    need_weights: bool = True,
    average_attn_weights: bool = True,
    mask_type: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """The result [B, T, D], and the weights where they are asked for.

    Queries, keys and values are one tensor: for others torch does not call the operator.
    """
    size = embed_dim // heads
    if mask is None and not need_weights:
        split = query.view(query.shape[0], -1, heads, size).transpose(1, 2)
        call = AttentionCall(split, split, split, None, 0.0, False, False, False)
        if choose_backend(call, target.capability, target.settings) != "math":
            return _by_kernel(query, heads, qkv_weight, qkv_bias, proj_weight, proj_bias), None
    batch, length, _ = query.shape
    packed = _split_heads(torch.matmul(query, qkv_weight.t()), heads)
    flat = packed.view(3, batch * heads, length, size)
    scores = torch.bmm(flat[0], flat[1].transpose(1, 2)).view(batch, heads, length, length)
    hidden = None if mask is None else mask.to(torch.bool)
    scores = _softmax(scores, hidden, mask_type)
    del hidden
    torch.bmm(scores.view(batch * heads, length, length), flat[2], out=flat[0])  # over the queries
    weights = scores if need_weights else None
    del scores
    result = _joined(packed[0], proj_weight, proj_bias)
    if weights is not None and average_attn_weights:
        weights = weights.sum(1)
        weights /= heads
    return result, weights


def _by_kernel(
    query: Tensor, heads: int, weight: Tensor, bias: Tensor, proj_weight: Tensor, proj_bias: Tensor
) -> Tensor:
    projected = functional.linear(query, weight, bias)
    batch, _, wide = projected.shape
    parts = [
        part.view(batch, -1, heads, wide // 3 // heads).transpose(1, 2)
        for part in projected.chunk(3, -1)
    ]
    attended = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
    joined = attended.transpose(1, 2).reshape(batch, -1, wide // 3)
    result = functional.linear(joined, proj_weight, proj_bias)
    del joined, attended  # in C++'s order, the last first
    return result


def _joined(attended: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Of all heads [B, H, T, D / H] (transform0213_gemm_nt_bias)."""
    batch, heads, length, size = attended.shape
    joined = attended.permute(0, 2, 1, 3).contiguous().view(batch * length, heads * size)
    return functional.linear(joined, weight, bias).view(batch, length, -1)


def _split_heads(projected: Tensor, heads: int) -> Tensor:
    """Queries, keys and values by heads, in one block (_transform_bias_rescale_qkv)."""
    batch, length, wide = projected.shape
    by_heads = projected.view(batch, length, 3, heads, wide // 3 // heads)
    return by_heads.permute(2, 0, 3, 1, 4).clone(memory_format=torch.contiguous_format)


def _softmax(scores: Tensor, mask: Tensor | None, mask_type: int | None) -> Tensor:
    """In place without a mask (masked_softmax, and masked_softmax_cuda for one)."""
    softmax: Any = torch.ops.aten._softmax
    made: Tensor
    if mask is None:
        made = softmax.out(scores, -1, False, out=scores)
        return made
    if mask_type == 1:  # of keys, [B, T]
        mask = mask.view(mask.shape[0], 1, 1, mask.shape[1])
    else:
        mask = mask.expand(scores.shape)
    made = torch.empty_like(scores)
    length = scores.shape[-1]
    is_short = length <= _PERSISTENT_ELEMENTS
    if is_short and length * scores.element_size() <= _PERSISTENT_BYTES and mask.is_contiguous():
        softmax.out(scores, -1, False, out=made)
        return made
    other: Tensor = softmax(scores.masked_fill(mask, -math.inf), -1, False)  # `made` is not used
    return other


@substitute("aten._transformer_encoder_layer_fwd")
def transformer_encoder_layer(
    target: Target,
    source: Tensor,
    embed_dim: int,
    heads: int,
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    proj_weight: Tensor,
    proj_bias: Tensor,
    use_gelu: bool,
    norm_first: bool,
    eps: float,
    *weights: Any,
) -> Tensor:
    """Attention and the two linear layers, [B, T, D]; sums are made in place."""
    norm_1, norm_2, linear_1, linear_2 = (weights[place : place + 2] for place in range(0, 8, 2))
    mask, mask_type = (*weights[8:], None, None)[:2]

    def norm(x: Tensor, parameters: tuple[Any, ...]) -> Tensor:
        return functional.layer_norm(x, (embed_dim,), parameters[0], parameters[1], eps)

    x = norm(source, norm_1) if norm_first else source
    x, _ = multi_head_attention(
        target, x, x, x, embed_dim, heads, qkv_weight, qkv_bias, proj_weight, proj_bias, mask,
        False, True, mask_type,
    )  # fmt: skip
    x += source
    if not norm_first:
        x = norm(x, norm_1)
    before = x
    if norm_first:
        x = norm(x, norm_2)
    x = _feed_forward(x, linear_1, linear_2, use_gelu)
    x += before
    return x if norm_first else norm(x, norm_2)


def _feed_forward(x: Tensor, first: tuple[Any, ...], second: tuple[Any, ...], gelu: bool) -> Tensor:
    """Two linear layers, each a weight and a bias."""
    (weight_1, bias_1), (weight_2, bias_2) = first, second
    flat = x.view(-1, x.shape[-1])
    hidden = torch.ops.aten._addmm_activation(bias_1, flat, weight_1.t(), use_gelu=gelu)
    return torch.addmm(bias_2, hidden, weight_2.t()).view(x.shape)
