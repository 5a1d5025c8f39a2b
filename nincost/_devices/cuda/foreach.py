"""Operators on lists of tensors."""

from __future__ import annotations

from nincost._devices.cuda.reductions import accumulator_bytes
from nincost._devices.declare import rule
from nincost._devices.rules import Action, Call, alloc, free, out

#: Elements that a block works on (kChunkSize of MultiTensorApply.cuh).
_CHUNK = 65_536


@rule(
    "aten._foreach_norm",
    source="aten/src/ATen/native/cuda/ForeachReduceOp.cu foreach_tensor_norm_cuda (2.14)",
)
def norms(call: Call) -> list[Action]:
    """Partial sums: for each tensor as many as the largest has chunks; then a scalar each."""
    tensors = call.args[0]
    chunks = max(-(-tensor.elements // _CHUNK) for tensor in tensors)
    size = len(tensors) * chunks * accumulator_bytes(tensors[0].dtype.itemsize)
    outputs = [out(index) for index in range(len(call.outputs))]
    return [alloc("partial sums", size), *outputs, free("partial sums")]
