"""Memory-efficient attention's kernels: what they allocate."""

from __future__ import annotations

import torch

from nincost._devices.cuda.attention_layout import lies_by_heads, up
from nincost._devices.declare import rule
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta


@rule(
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
        alloc("float output", batch * length * heads * width * 4 if wide else 0),
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
    if target.settings.refuses_nondeterministic or (batch * heads >= 256 and keys <= 2 * columns):
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
        alloc("gradient copy", 0 if lies_by_heads(grad) else grad.bytes),
        out(0), out(1), out(2), *_mask_gradient(call),
        alloc("key heads", repeated(key)), alloc("value heads", repeated(value)),
    ]  # fmt: skip
    if query.dtype is torch.float32:
        product = each * value.shape[-1] * 4
        turned = (
            0 if length == 1 or heads == 1 else delta
        )  # else the sums are row-major as they are
        actions += [alloc("product", product), alloc("sums", turned), alloc("delta", delta)]
        actions += [free("sums"), free("product")]
    else:
        actions.append(alloc("delta", delta))
    size = efficient_workspace(call.target, query, key, value, call.args[9])
    last = ["delta", "workspace", "value heads", "key heads", "gradient copy"]
    return [*actions, alloc("workspace", size, "workspace"), *map(free, last)]
