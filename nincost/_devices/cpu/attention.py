"""Attention: its softmax, and the flash kernel's tiles."""

from __future__ import annotations

from typing import Any

import torch

from nincost._devices.declare import rule, substitute
from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta


@substitute("aten.scaled_dot_product_attention")
def attention(
    _target: Target,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Flash attention for the CPU where it may be used, else the composite's arithmetic.

    aten/src/ATen/native/transformers/sdp_utils_cpp.cpp: use_flash_attention_cpp.
    """
    fits = (
        attn_mask is None
        and dropout_p == 0.0
        and query.dim() == key.dim() == value.dim() == 4
        and query.shape[-1] == key.shape[-1] == value.shape[-1]
        and all(t.stride(-1) == 1 and 0 not in t.shape for t in (query, key, value))
        and query.dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16)
        and not enable_gqa
        and query.shape[1] == key.shape[1] == value.shape[1]
    )
    if not fits:
        return NotImplemented
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, dropout_p, is_causal, attn_mask=None, scale=scale
    )[0]


@rule("aten._safe_softmax", source="aten/src/ATen/native/transformers/attention.cpp")
def safe_softmax(call: Call) -> list[Action]:
    """The softmax, then which rows are all -inf: a byte an element, and a byte a row."""
    y = call.outputs[0]
    dim = call.arg(1)
    return [
        out(0),
        alloc("isneginf", y.elements),
        alloc("all", y.elements // y.shape[dim]),
        alloc("zero", y.dtype.itemsize),
        free("zero"),
        free("all"),
        free("isneginf"),
    ]


@rule(
    "aten._scaled_dot_product_flash_attention_for_cpu",
    source="aten/src/ATen/native/cpu/FlashAttentionKernel.cpp cpu_flash_attention",
)
def flash_attention(call: Call) -> list[Action]:
    """For each thread a tile of scores, its rows' maxima and sums, and a tile of the result."""
    query, key = call.args[:2]
    rows, columns = _tile(query.shape[2], key.shape[2])
    floats = rows * columns + 2 * rows + rows * query.shape[3]
    return [
        out(0),
        out(1),
        alloc("tiles", call.target.settings.threads * floats * _accumulator(query)),
    ]


@rule(
    "aten._scaled_dot_product_flash_attention_for_cpu_backward",
    source="aten/src/ATen/native/cpu/FlashAttentionKernel.cpp cpu_flash_attention_backward",
)
def flash_attention_backward(call: Call) -> list[Action]:
    """For each thread a tile of scores and one of their gradients; a sum for each row of a tile."""
    grad, query, key = call.args[:3]
    rows, columns = _tile(query.shape[2], key.shape[2])
    size = _accumulator(query)
    return [
        out(0),
        out(1),
        out(2),
        alloc("contiguous grad", dense_copy(_swapped(grad))),
        alloc("tiles", call.target.settings.threads * 2 * rows * columns * size),
        alloc("row sums", rows * size),
        free("row sums"),
        free("tiles"),
    ]


def _tile(queries: int, keys: int) -> tuple[int, int]:
    """Rows and columns of a tile of scores."""
    rows = 256 if queries >= 768 else 64 if queries >= 192 else 32
    return min(rows, queries), min(512, keys)


def _swapped(tensor: TensorMeta) -> TensorMeta:
    """batch x heads x length x width as batch x length x heads x width, the kernel's own order."""
    shape, stride = tensor.shape, tensor.stride
    order = (0, 2, 1, 3)
    swapped = torch.Size([shape[dim] for dim in order])
    return TensorMeta(swapped, tuple([stride[dim] for dim in order]), tensor.dtype)


def _accumulator(tensor: TensorMeta) -> int:
    return max(tensor.dtype.itemsize, 4)
