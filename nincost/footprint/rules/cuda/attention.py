"""Scaled dot-product attention's kernels: flash, memory-efficient, cuDNN's."""

from __future__ import annotations

import torch

from nincost.footprint.rules import Action, Call, drop, out, rule, take
from nincost.footprint.target import Target
from nincost.trace.records import TensorMeta


def up(number: int, step: int) -> int:
    """`number` rounded up to a multiple of `step`."""
    return -(-number // step) * step


def flash_splits(target: Target, blocks: int, key_blocks: int) -> int:
    """Into how many parts flash attention cuts the keys, to fill the card.

    aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp num_splits_heuristic: the least
    number that fills the last wave of blocks to 85% of the best.
    """
    slots = 2 * target.multiprocessors
    if blocks >= 0.8 * slots:
        return 1
    most = min(128, slots, key_blocks)

    def differs(splits: int) -> bool:
        return splits == 1 or -(-key_blocks // splits) != -(-key_blocks // (splits - 1))

    filled = {}
    for splits in range(1, most + 1):
        if differs(splits):
            waves = blocks * splits / slots
            filled[splits] = waves / -(-blocks * splits // slots)
    best = max(filled.values(), default=0.0)
    return next((splits for splits, full in filled.items() if full >= 0.85 * best), 1)


@rule(
    "cuda",
    "aten._scaled_dot_product_flash_attention",
    source="aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp mha_fwd",
)
def flash(call: Call) -> list[Action]:
    """Output, logsumexp, the random state; without dropout maybe partial outputs in float."""
    query, key = call.args[:2]
    batch, heads, length, size = query.shape
    dropout = call.arg(3, 0.0)
    splits = 1
    if dropout == 0:
        block = 256 if size <= 64 else 128 if size <= 128 else 64
        splits = flash_splits(
            call.target, batch * heads * -(-length // 64), -(-key.shape[2] // block)
        )
    rows = batch * heads * length * 4
    rounded = up(size, 32 if size <= 128 else 64)
    parts = splits if splits > 1 else 0
    return [
        out(0), out(1), take("split sums", parts * rows),
        take("split outputs", parts * rows * rounded), out(4), out(5), out(6),
    ]  # fmt: skip


def _by_heads(tensor: TensorMeta) -> bool:
    """Whether (batch, heads, length, size) lies in memory as (batch, length, heads, size)."""
    shape, stride = tensor.shape, tensor.stride
    step = 1
    for d in (3, 1, 2, 0):
        if shape[d] != 1 and stride[d] != step:
            return False
        step *= shape[d]
    return True


@rule(
    "cuda",
    "aten._scaled_dot_product_flash_attention_backward",
    source="aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp mha_bwd",
)
def flash_backward(call: Call) -> list[Action]:
    """A float sum of the query's gradient, row sums, and the gradients of repeated heads."""
    grad, query, key = call.args[:3]
    made = call.args[4]
    batch, heads, length, size = query.shape
    rows = up(length, 128)
    rounded = up(size, 32 if size <= 128 else 64)
    many = 1
    if torch.are_deterministic_algorithms_enabled():
        many = -(-call.target.multiprocessors // (batch * heads))
    grouped = key.shape[1] != heads
    repeated = batch * key.shape[2] * heads * size * query.dtype.itemsize if grouped else 0
    return [
        take("gradient copy", 0 if _by_heads(grad) else grad.bytes),
        take("output copy", 0 if _by_heads(made) else made.bytes),
        out(0), out(1), out(2),
        take("row sums", batch * heads * rows * 4),
        take("query sums", many * batch * rows * heads * rounded * 4),
        take("key heads", repeated), take("value heads", repeated),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten._scaled_dot_product_efficient_attention",
    source="aten/src/ATen/native/transformers/cuda/attention.cu _efficient_attention_forward; "
    "mem_eff_attention/kernel_forward.h (installed header)",
)
def efficient(call: Call) -> list[Action]:
    """Output, logsumexp; a float output beside one in half with more than 128 columns.

    Seed and offset are on the CPU.
    """
    query, _key, value = call.args[:3]
    batch, heads, length, size = query.shape
    width = value.shape[-1]
    wide = query.dtype.itemsize == 2 and max(size, width) > 128
    return [
        out(0), out(1),
        take("float output", batch * length * heads * width * 4 if wide else 0),
        out(2, bytes=0), out(3, bytes=0),
    ]  # fmt: skip


def efficient_tile(
    dtype: torch.dtype, widest: int, dropout: float, target: Target
) -> tuple[int, int]:
    """Query and key rows of the backward kernel's tile: the first kernel that the card takes.

    aten/src/ATen/native/transformers/cuda/mem_eff_attention/kernels/cutlassB.h (installed header).
    Whether the two large tiles fit into shared memory is taken from the card's size: they do with
    160 KiB or more.
    """
    roomy = target.gpu.limits.shared_per_block >= 160 * 1024
    if widest <= 64:
        return 64, 64
    if dtype.itemsize == 2:
        if widest <= 96 and target.capability in ((8, 6), (8, 9)) and dropout == 0:
            return 128, 64
        if widest <= 128:
            return (128, 128) if roomy else (64, 64)
    return (128, 64) if roomy else (64, 64)


def efficient_workspace(
    target: Target, query: TensorMeta, key: TensorMeta, value: TensorMeta, dropout: float
) -> int:
    """Bytes of the backward kernel's sums, and counts, of gradients made by several blocks.

    mem_eff_attention/kernel_backward.h Params::workspace_size (installed header).
    """
    batch, heads, length, size = query.shape
    keys, width = key.shape[2], value.shape[-1]
    rows, columns = efficient_tile(query.dtype, max(size, width), dropout, target)
    in_float = query.dtype.itemsize == 2 and (
        (max(size, width) > 64 and rows == 64) or max(size, width) > 128
    )
    splits = -(-keys // columns)
    if torch.are_deterministic_algorithms_enabled() or (
        batch * heads >= 256 and keys <= 2 * columns
    ):
        splits = 1
    elif in_float:
        splits = max(1, min(splits, 200 // (batch * heads)))
    key_sums = splits * columns * up(size, rows) if in_float else 0
    value_sums = splits * columns * up(width, rows) if in_float else 0
    query_sums = -(-length // rows) * -(-size // columns) * (16 + 4 * rows * columns) // 4
    return 4 * batch * heads * up(key_sums + value_sums + query_sums, 4)


@rule(
    "cuda",
    "aten._scaled_dot_product_efficient_attention_backward",
    source="aten/src/ATen/native/transformers/cuda/attention_backward.cu "
    "_efficient_attention_backward; mem_eff_attention/kernel_backward.h (installed header)",
    kind="modelled",
)
def efficient_backward(call: Call) -> list[Action]:
    """Gradients, delta = the rows' sums of gradient times output, and the kernel's workspace."""
    grad, query, key, value = call.args[:4]
    batch, heads, length, _size = query.shape
    each = batch * length * heads
    delta = each * 4
    actions: list[Action] = [
        take("gradient copy", 0 if _by_heads(grad) else grad.bytes),
        out(0), out(1), out(2),
    ]  # fmt: skip
    if query.dtype is torch.float32:
        product = each * value.shape[-1] * 4
        actions += [take("product", product), take("sums", delta), drop("product")]
        actions += [take("delta", delta), drop("sums")]
    else:
        actions.append(take("delta", delta))
    size = efficient_workspace(call.target, query, key, value, call.args[9])
    return [*actions, take("workspace", size, "workspace")]


@rule(
    "cuda",
    "aten._scaled_dot_product_cudnn_attention",
    source="aten/src/ATen/native/cudnn/MHA.cpp run_cudnn_SDP_fprop",
    kind="modelled",
)
def cudnn(_call: Call) -> list[Action]:
    """Output, logsumexp, two seeds; cuDNN's own workspace is taken as none."""
    return [out(0), out(1), out(4), out(5)]


@rule(
    "cuda",
    "aten._scaled_dot_product_cudnn_attention_backward",
    source="aten/src/ATen/native/cudnn/MHA.cpp run_cudnn_SDP_bprop",
    kind="modelled",
)
def cudnn_backward(call: Call) -> list[Action]:
    """The workspace is taken as a float sum of the query's gradient and of its rows."""
    grad, query = call.args[:2]
    rows = query.elements // query.shape[-1]
    dense = grad.stride[-1] == 1
    return [
        take("gradient copy", 0 if dense else grad.bytes), out(0), out(1), out(2),
        take("workspace", 4 * (query.elements + rows), "workspace"),
    ]  # fmt: skip
