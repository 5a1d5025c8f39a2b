"""Operators on lists of tensors."""

from __future__ import annotations

from nincost._devices.memory_format import wide
from nincost._devices.rules import Action, Call, drop, out, rule, take

#: Elements that a block works on (kChunkSize of MultiTensorApply.cuh).
_CHUNK = 65_536


@rule(
    "cuda",
    "aten._foreach_norm",
    source="aten/src/ATen/native/cuda/ForeachReduceOp.cu foreach_tensor_norm_cuda (2.14)",
)
def norms(call: Call) -> list[Action]:
    """Partial sums: for each tensor as many as the largest has chunks; then a scalar each."""
    tensors = call.args[0]
    chunks = max(-(-tensor.elements // _CHUNK) for tensor in tensors)
    size = len(tensors) * chunks * wide(tensors[0].dtype.itemsize)
    outputs = [out(index) for index in range(len(call.outputs))]
    return [take("partial sums", size), *outputs, drop("partial sums")]
