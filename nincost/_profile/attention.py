"""MACs of fused attention. Written out (`@`, softmax, `@`), it is counted as its products.

A causal mask does not lessen the count: what a kernel may skip is its own affair, and every other
tool counts the full product too.
"""

from __future__ import annotations

from nincost._profile.registry import macs
from nincost._trace.records import Signature


@macs(
    "aten._scaled_dot_product_flash_attention",
    "aten._scaled_dot_product_efficient_attention",
    "aten._scaled_dot_product_cudnn_attention",
    "aten._scaled_dot_product_flash_attention_for_cpu",
    "aten._scaled_dot_product_fused_attention_overrideable",
    "aten._scaled_dot_product_attention_math",
    "aten._cudnn_attention_forward",
)
def scaled_dot_product(signature: Signature) -> int:
    """query [..., L, E], key [..., S, E], value [..., S, V]: scores L*S*E, then L*S*V."""
    query, key, value = signature.args[0:3]
    length, depth = query.shape[-2:]
    batch = query.elements // (length * depth) if query.elements else 0
    source = key.shape[-2]
    return int(batch * length * source * (depth + value.shape[-1]))


@macs(
    "aten._scaled_dot_product_flash_attention_backward",
    "aten._scaled_dot_product_efficient_attention_backward",
    "aten._scaled_dot_product_cudnn_attention_backward",
    "aten._scaled_dot_product_flash_attention_for_cpu_backward",
    "aten._scaled_dot_product_fused_attention_overrideable_backward",
)
def scaled_dot_product_backward(signature: Signature) -> int:
    """`(grad_output, query, key, value, ...)`: five products in the place of forward's two.

    The scores again, L*S*E; the gradients of value and of the weights, L*S*V each; those of query
    and key, L*S*E each.
    """
    query, key, value = signature.args[1:4]
    length, depth = query.shape[-2:]
    batch = query.elements // (length * depth) if query.elements else 0
    return int(batch * length * key.shape[-2] * (3 * depth + 2 * value.shape[-1]))


@macs("aten._flash_attention_forward", "aten._efficient_attention_forward")
def sequence_first(signature: Signature) -> int:
    """The kernels' own layout: query [B, L, heads, E], key [B, S, heads, E].

    With packed sequences (three dimensions and cumulative lengths) the lengths are values, so the
    whole packed length counts: an upper bound.
    """
    query, key, value = signature.args[0:3]
    length, heads, depth = query.shape[-3:]
    batch = query.elements // (length * heads * depth) if query.elements else 0
    return int(batch * heads * length * key.shape[-3] * (depth + value.shape[-1]))


@macs("aten._native_multi_head_attention")
def native_multi_head_attention(signature: Signature) -> int:
    """`(query, key, value, embed_dim, num_head, qkv_weight, qkv_bias, proj_weight, ...)`."""
    query, key = signature.args[0:2]
    embed = int(signature.args[3])
    return _multi_head(query.shape[0], query.shape[1], key.shape[1], embed)


def _multi_head(batch: int, length: int, source: int, embed: int) -> int:
    project = batch * (length + 2 * source) * embed * embed  # query; key and value
    attend = 2 * batch * length * source * embed  # scores, then the weighted sum
    return int(project + attend + batch * length * embed * embed)


@macs("aten._transformer_encoder_layer_fwd")
def transformer_encoder_layer(signature: Signature) -> int:
    """Self-attention and the two linear layers: `(src, embed_dim, num_heads, ...)`."""
    source = signature.args[0]
    embed = int(signature.args[1])
    feedforward = [
        meta.elements
        for meta in signature.args[3:]
        if hasattr(meta, "shape") and len(meta.shape) == 2
    ][-2:]  # the last two matrices are ffn_weight_1 and ffn_weight_2
    batch, length = source.shape[0], source.shape[1]
    return _multi_head(batch, length, length, embed) + int(batch * length * sum(feedforward))
