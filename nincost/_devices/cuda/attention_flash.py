"""Flash attention's kernels: what they allocate."""

from __future__ import annotations

from nincost._devices.cuda.attention_layout import lies_by_heads, up
from nincost._devices.declare import rule
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target


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
    "aten._scaled_dot_product_flash_attention",
    source="aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp mha_fwd",
)
def flash(call: Call) -> list[Action]:
    """Output, logsumexp, the random state; without dropout maybe partial outputs in float.

    The parts are in one std::tuple, whose first element goes first.
    """
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
        out(0), out(1), alloc("split sums", parts * rows),
        alloc("split outputs", parts * rows * rounded), out(4), out(5), out(6),
        alloc("seed and offset", 16 if dropout else 0), free("split sums"), free("split outputs"),
    ]  # fmt: skip


@rule(
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
    if call.target.settings.refuses_nondeterministic:
        many = -(-call.target.multiprocessors // (batch * heads))
    grouped = key.shape[1] != heads
    repeated = batch * key.shape[2] * heads * size * query.dtype.itemsize if grouped else 0
    return [
        alloc("gradient copy", 0 if lies_by_heads(grad) else grad.bytes),
        alloc("output copy", 0 if lies_by_heads(made) else made.bytes),
        out(0), out(1), out(2),
        alloc("row sums", batch * heads * rows * 4),
        alloc("query sums", many * batch * rows * heads * rounded * 4),
        alloc("key heads", repeated), alloc("value heads", repeated),
        *map(free, ("value heads", "key heads", "query sums", "row sums")),
        free("output copy"), free("gradient copy"),
    ]  # fmt: skip
