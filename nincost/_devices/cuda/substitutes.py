"""Operators that CUDA runs in the place of the ones that meta tensors get.

Each kernel here asks what the composite operator asks on a CUDA tensor, and then calls the operator
that CUDA would; NotImplemented leaves the call to the composite's own arithmetic.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.libraries import cudnn_rnn as _recurrent_cuda  # noqa: F401  (registers)
from nincost._devices.libraries.sdpa import Attention, choose
from nincost._devices.substitutes import meta_kernel, substitute
from nincost._devices.target import Target


@substitute("cuda", "dropout")
def dropout(_target: Target, given: Tensor, p: float, train: bool) -> Any:
    """aten/src/ATen/native/Dropout.cpp is_fused_kernel_acceptable."""
    if not train or not 0 < p < 1 or given.numel() == 0:
        return NotImplemented
    return torch.ops.aten.native_dropout(given, p, True)[0]


@substitute("cuda", "softmax.int")
def softmax(_target: Target, given: Tensor, dim: int, dtype: Any = None) -> Any:
    """aten/src/ATen/native/SoftMax.cpp: from float16 (only) to float in one kernel."""
    if given.dtype is not torch.float16 or dtype is not torch.float32:
        return NotImplemented
    return torch.ops.aten._softmax(given, dim, True)


@substitute("cuda", "log_softmax.int")
def log_softmax(_target: Target, given: Tensor, dim: int, dtype: Any = None) -> Any:
    """aten/src/ATen/native/SoftMax.cpp: from float16 (only) to float in one kernel."""
    if given.dtype is not torch.float16 or dtype is not torch.float32:
        return NotImplemented
    return torch.ops.aten._log_softmax(given, dim, True)


@substitute("cuda", "rms_norm")
def rms_norm(
    _target: Target, given: Tensor, shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """aten/src/ATen/native/layer_norm.cpp rms_norm_symint: fused where the types are one."""
    if weight is not None and weight.dtype is not given.dtype:
        return NotImplemented
    if given.numel() == 0 or tuple(given.shape[-len(shape) :]) != tuple(shape):
        return NotImplemented
    return torch.ops.aten._fused_rms_norm(given, shape, weight, eps)[0]


@meta_kernel("cuda", "_fused_rms_norm")
def _rms_norm_forward(given: Tensor, shape: Any, _weight: Any, _eps: Any) -> Any:
    kept = given.shape[: given.dim() - len(shape)]
    wide = torch.promote_types(given.dtype, torch.float32)
    rstd = given.new_empty((*kept, *[1] * len(shape)), dtype=wide)
    return given.new_empty(given.shape), rstd


@meta_kernel("cuda", "_fused_rms_norm_backward")
def _rms_norm_backward(
    _grad: Tensor, given: Tensor, _shape: Any, _rstd: Tensor, weight: Any, mask: Any
) -> Any:
    made = given.new_empty(given.shape) if mask[0] else None
    return made, weight.new_empty(weight.shape) if mask[1] and weight is not None else None


@meta_kernel("cuda", "mish_backward")
def _mish_backward(_grad: Tensor, given: Tensor) -> Any:
    return torch.empty_like(given)


@meta_kernel("cuda", "_fused_sgd_")
@meta_kernel("cuda", "_fused_sgd_.tensor_lr")
@meta_kernel("cuda", "_fused_adagrad_")
@meta_kernel("cuda", "_fused_adagrad_.tensor_lr")
def _fused_update(*_: Any, **__: Any) -> None:
    """A fused optimizer works in place and takes nothing."""


@substitute("cuda", "scaled_dot_product_attention")
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
    call = Attention(query, key, value, attn_mask, dropout_p, is_causal, enable_gqa, trains)
    backend = choose(call, target.capability, target.settings)
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
