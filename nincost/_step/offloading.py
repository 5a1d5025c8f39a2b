"""Activations that lie on the CPU between forward and backward, by torch's `save_on_cpu`."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor


def save_on_cpu(how: str, *, on_meta: bool) -> contextlib.AbstractContextManager[Any]:
    """The context in which what backward needs is copied to the CPU, and back when it is needed.

    Args:
        how: `pageable` or `pinned` memory; empty for none of it.
        on_meta: whether tensors stand for those of a device.
    """
    if not how:
        return contextlib.nullcontext()
    if not on_meta:
        return torch.autograd.graph.save_on_cpu(pin_memory=how == "pinned")
    pinned = how == "pinned"

    def pack(tensor: Tensor) -> Any:
        if not tensor.is_meta:
            return tensor
        # A copy from the device needs its source in the order of its target
        # (aten/src/ATen/native/cuda/Copy.cu copy_requires_temporaries).
        keeps = tensor.is_contiguous() if pinned else _is_dense(tensor)
        source = tensor if keeps else tensor.contiguous()
        return source.shape, source.stride(), source.dtype

    def unpack(packed: Any) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        shape, strides, dtype = packed
        return torch.empty_strided(shape, strides, dtype=dtype, device="meta")

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


def _is_dense(tensor: Tensor) -> bool:
    """Whether the tensor fills its memory, each place once, in whatever order."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True
