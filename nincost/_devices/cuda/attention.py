"""Scaled dot-product attention on CUDA: which kernel runs it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import substitute
from nincost._devices.libraries.sdpa import AttentionCall, choose_backend
from nincost._devices.target import Target


@substitute("aten.scaled_dot_product_attention")
def attention(
    target: Target,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """aten/src/ATen/native/transformers/attention.cpp scaled_dot_product_attention."""
    trains = torch.is_grad_enabled() and any(t.requires_grad for t in (query, key, value))
    call = AttentionCall(query, key, value, attn_mask, dropout_p, is_causal, enable_gqa, trains)
    backend = choose_backend(call, target.capability, target.settings)
    if backend == "math":
        return NotImplemented
    mask = _float_mask(attn_mask, query) if attn_mask is not None else None
    if backend == "flash":
        return _flash(query, key, value, dropout_p, is_causal, scale)
    keeps = torch.is_grad_enabled() and any(
        t.requires_grad for t in (query, key, value, mask) if t is not None
    )
    if mask is not None:
        lengths = (*query.shape[:3], key.shape[2])
        mask = (_aligned(mask) if backend == "efficient" else mask).expand(lengths)
    options = {"dropout_p": dropout_p, "is_causal": is_causal, "scale": scale}
    operator = (
        torch.ops.aten._scaled_dot_product_efficient_attention
        if backend == "efficient"
        else torch.ops.aten._scaled_dot_product_cudnn_attention
    )
    return operator(query, key, value, mask, keeps, **options)[0]


def _float_mask(mask: Tensor, query: Tensor) -> Tensor:
    """A mask of truth values as numbers to add (convert_boolean_attn_mask)."""
    if mask.dtype is not torch.bool:
        return mask
    least = torch.scalar_tensor(float("-inf"), dtype=query.dtype, device=query.device)
    return torch.where(mask, 0.0, least)


def _aligned(mask: Tensor) -> Tensor:
    """The mask in rows of a multiple of 8 elements (preprocess_mask, pad_bias)."""
    length = mask.shape[-1]
    if length % 8 == 0:
        return mask
    return torch.nn.functional.pad(mask, (0, -length % 8))[..., :length]


def _flash(
    query: Tensor, key: Tensor, value: Tensor, p: float, causal: bool, scale: float | None
) -> Tensor:
    """Heads are padded to a multiple of 8, and the padding saved with them."""
    size = query.shape[-1]
    spare = -size % 8
    if spare:
        scale = size**-0.5 if scale is None else scale
        query, key, value = (torch.nn.functional.pad(t, (0, spare)) for t in (query, key, value))
    made: Tensor = torch.ops.aten._scaled_dot_product_flash_attention(
        query, key, value, p, causal, False, scale=scale
    )[0]
    return made[..., :size] if spare else made
