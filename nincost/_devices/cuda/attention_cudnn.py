"""cuDNN's attention: what it allocates."""

from __future__ import annotations

from nincost._devices.cuda.attention_layout import up
from nincost._devices.declare import rule
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta


@rule(
    "aten._scaled_dot_product_cudnn_attention",
    source="aten/src/ATen/native/transformers/cuda/attention.cu _cudnn_attention_forward; "
    "cudnn/MHA.cpp run_cudnn_SDP_fprop; the workspace as cuDNN 9.24 reports it",
    kind="modelled",
)
def cudnn(call: Call) -> list[Action]:
    """Two seeds, the output, logsumexp where backward will want it, and cuDNN's workspace."""
    query, key = call.args[:2]
    size = cudnn_forward_workspace(call.target, query, key, call.arg(5, 0.0))
    sums = out(1) if call.arg(4) else out(1, 0)
    return [out(4), out(5), out(0), sums, alloc("workspace", size, "workspace")]


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
    "aten._scaled_dot_product_cudnn_attention_backward",
    source="aten/src/ATen/native/cudnn/MHA.cpp run_cudnn_SDP_bprop; the workspace as cuDNN 9.24 "
    "reports it",
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
        out(0), out(1), out(2), alloc("gradient copy", 0 if same else grad.bytes),
        alloc("workspace", size, "workspace"), free("workspace"),
    ]  # fmt: skip
