"""Scaled dot-product attention's kernels: flash, memory-efficient, cuDNN's."""

from __future__ import annotations

import torch

from nincost._devices.rules import Action, Call, drop, out, rule, take
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta


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
        take("seed and offset", 16 if dropout else 0),
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
    if call.target.settings.deterministic:
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
        *map(drop, ("value heads", "key heads", "query sums", "row sums")),
        drop("output copy"), drop("gradient copy"),
    ]  # fmt: skip


@rule(
    "cuda",
    "aten._scaled_dot_product_efficient_attention",
    source="aten/src/ATen/native/transformers/cuda/attention.cu _efficient_attention_forward; "
    "mem_eff_attention/kernel_forward.h (installed header)",
)
def efficient(call: Call) -> list[Action]:
    """Seed and offset, output, logsumexp; a float output beside one in half of over 128 columns.

    With dropout, seed and offset are on the CPU; without, they are made on the card, and not used.
    """
    query, _key, value = call.args[:3]
    batch, heads, length, size = query.shape
    width = value.shape[-1]
    wide = query.dtype.itemsize == 2 and max(size, width) > 128
    seed = 8 if call.arg(5, 0.0) == 0 else 0
    return [
        out(2, bytes=seed), out(3, bytes=seed), out(0), out(1),
        take("float output", batch * length * heads * width * 4 if wide else 0),
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
    if target.settings.deterministic or (batch * heads >= 256 and keys <= 2 * columns):
        splits = 1
    elif in_float:
        splits = max(1, min(splits, 200 // (batch * heads)))
    key_sums = splits * columns * up(size, rows) if in_float else 0
    value_sums = splits * columns * up(width, rows) if in_float else 0
    query_sums = -(-length // rows) * -(-size // columns) * (16 + 4 * rows * columns) // 4
    return 4 * batch * heads * up(key_sums + value_sums + query_sums, 4)


def _mask_gradient(call: Call) -> list[Action]:
    """The mask's gradient, if one is wanted: rows of a multiple of 16 elements."""
    mask = call.args[4]
    if not isinstance(mask, TensorMeta) or not call.args[10][3]:
        return [out(3, bytes=0)]
    rows = mask.elements // mask.shape[-1]
    return [out(3, bytes=rows * up(mask.shape[-1], 16) * mask.dtype.itemsize)]


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

    def repeated(one: TensorMeta) -> int:
        """A gradient for each of the query's heads, where several share one of `one`'s."""
        shared = one.shape[1] != heads
        return one.bytes // one.shape[1] * heads if shared else 0

    actions: list[Action] = [
        take("gradient copy", 0 if _by_heads(grad) else grad.bytes),
        out(0), out(1), out(2), *_mask_gradient(call),
        take("key heads", repeated(key)), take("value heads", repeated(value)),
    ]  # fmt: skip
    if query.dtype is torch.float32:
        product = each * value.shape[-1] * 4
        turned = (
            0 if length == 1 or heads == 1 else delta
        )  # else the sums are row-major as they are
        actions += [take("product", product), take("sums", turned), take("delta", delta)]
        actions += [drop("sums"), drop("product")]
    else:
        actions.append(take("delta", delta))
    size = efficient_workspace(call.target, query, key, value, call.args[9])
    last = ["delta", "workspace", "value heads", "key heads", "gradient copy"]
    return [*actions, take("workspace", size, "workspace"), *map(drop, last)]


@rule(
    "cuda",
    "aten._scaled_dot_product_cudnn_attention",
    source="aten/src/ATen/native/transformers/cuda/attention.cu _cudnn_attention_forward; "
    "cudnn/MHA.cpp run_cudnn_SDP_fprop; the workspace as cuDNN 9.24 tells it",
    kind="modelled",
)
def cudnn(call: Call) -> list[Action]:
    """Two seeds, the output, logsumexp, and cuDNN's workspace."""
    query, key = call.args[:2]
    size = cudnn_forward_workspace(call.target, query, key, call.arg(5, 0.0))
    return [out(4), out(5), out(0), out(1), take("workspace", size, "workspace")]


def cudnn_forward_workspace(
    target: Target, query: TensorMeta, key: TensorMeta, dropout: float
) -> int:
    """Hopper: 256 bytes, none for one row. Blackwell: a dropout mask of bits in blocks of 128."""
    batch, heads, length, _size = query.shape
    if target.capability[0] == 9:
        return 256 if length > 1 else 0
    if dropout == 0:
        return 0
    return batch * heads * up(length, 128) * up(key.shape[2], 128) // 8 + 128


def cudnn_backward_workspace(
    target: Target, query: TensorMeta, key: TensorMeta, value: TensorMeta
) -> int:
    """Float sums of the query's gradient and of its rows, 256 bytes, and each head's gradients.

    The last only where several heads share one key: in blocks of 128 bytes.
    """
    batch, heads, length, size = query.shape
    rows = batch * heads * length
    each = 4 * rows * size + 4 * rows + (256 if target.capability[0] == 9 else 0)
    for one in (key, value):
        if one.shape[1] != heads:
            repeated = batch * heads * one.shape[2] * one.shape[3] * one.dtype.itemsize
            each += up(repeated, 128)
    return each


@rule(
    "cuda",
    "aten._scaled_dot_product_cudnn_attention_backward",
    source="aten/src/ATen/native/cudnn/MHA.cpp run_cudnn_SDP_bprop; the workspace as cuDNN 9.24 "
    "tells it",
    kind="modelled",
)
def cudnn_backward(call: Call) -> list[Action]:
    """The gradients; the output's gradient in the output's form; cuDNN's workspace."""
    grad, query, key, value, made = call.args[:5]
    same = all(
        a == b for a, b, n in zip(grad.stride, made.stride, grad.shape, strict=True) if n > 1
    )
    size = cudnn_backward_workspace(call.target, query, key, value)
    return [
        out(0), out(1), out(2), take("gradient copy", 0 if same else grad.bytes),
        take("workspace", size, "workspace"), drop("workspace"),
    ]  # fmt: skip
