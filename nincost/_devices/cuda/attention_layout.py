"""How attention's tensors of (batch, heads, length, size) lie in memory, and are rounded."""

from __future__ import annotations

from nincost._trace.records import TensorMeta


def up(number: int, step: int) -> int:
    """`number` rounded up to a multiple of `step`."""
    return -(-number // step) * step


def lies_by_heads(tensor: TensorMeta) -> bool:
    """Whether (batch, heads, length, size) lies in memory as (batch, length, heads, size)."""
    shape, stride = tensor.shape, tensor.stride
    step = 1
    for d in (3, 1, 2, 0):
        if shape[d] != 1 and stride[d] != step:
            return False
        step *= shape[d]
    return True
