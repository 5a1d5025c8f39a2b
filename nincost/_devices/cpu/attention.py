"""Attention: its softmax, and the flash kernel's tiles."""

from __future__ import annotations

import torch

from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import Action, Call, drop, out, rule, take
from nincost._trace.records import TensorMeta


@rule("cpu", "aten._safe_softmax", source="aten/src/ATen/native/transformers/attention.cpp")
def safe_softmax(call: Call) -> list[Action]:
    """The softmax, then which rows are all -inf: a byte an element, and a byte a row."""
    y = call.outputs[0]
    dim = call.arg(1)
    return [
        out(0),
        take("isneginf", y.elements),
        take("all", y.elements // y.shape[dim]),
        take("zero", y.dtype.itemsize),
        drop("zero"),
        drop("all"),
        drop("isneginf"),
    ]


@rule(
    "cpu",
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
        take("tiles", call.target.settings.threads * floats * _accumulator(query)),
    ]


@rule(
    "cpu",
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
        take("contiguous grad", dense_copy(_swapped(grad))),
        take("tiles", call.target.settings.threads * 2 * rows * columns * size),
        take("row sums", rows * size),
        drop("row sums"),
        drop("tiles"),
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
