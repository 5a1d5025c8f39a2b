"""Which kernel CUDA gives scaled dot-product attention: a pure function of shapes and the card.

aten/src/ATen/native/transformers/cuda/sdp_utils.cpp, release 2.14 (its wheels carry cuDNN 9.24).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch

Backend = Literal["math", "flash", "efficient", "cudnn"]

_HALVES = (torch.float16, torch.bfloat16)

#: torch.nn.attention.SDPBackend's numbers.
_NAMES: dict[int, Backend] = {0: "math", 1: "flash", 2: "efficient", 3: "cudnn"}
_DEFAULT: tuple[Backend, ...] = ("flash", "efficient", "math", "cudnn")

#: Cards on which cuDNN comes first, with a cuDNN newer than 9.15.0.
_CUDNN_FIRST = ((9, 0), (10, 0), (10, 3))


@dataclass(frozen=True, slots=True)
class Attention:
    """A call: query, key and value of shapes (batch, heads, length, size), as tensors or metas."""

    query: Any
    key: Any
    value: Any
    has_mask: bool
    dropout: float
    causal: bool
    grouped: bool
    trains: bool

    @property
    def dense_last(self) -> bool:
        """Whether the last dimension of all three is dense."""
        return all(
            t.stride(-1) == 1 or t.shape[-1] == 1 for t in (self.query, self.key, self.value)
        )

    @property
    def heads_fit(self) -> bool:
        """Equal heads, or query's a multiple of key's and value's where grouping is asked for."""
        queries, keys, values = (t.shape[1] for t in (self.query, self.key, self.value))
        if self.grouped:
            return bool(keys == values and queries % keys == 0)
        return bool(queries == keys == values)


def choose(call: Attention, capability: tuple[int, int]) -> Backend:
    """The first backend in torch's order that is enabled and takes the call."""
    for backend in _order(capability):
        if backend == "math" or (
            _enabled(backend) and _sound(call) and _FITS[backend](call, capability)
        ):
            return backend
    return "math"


def _order(capability: tuple[int, int]) -> tuple[Backend, ...]:
    asked = torch._C._get_sdp_priority_order()  # type: ignore[attr-defined]
    order = tuple(_NAMES[number] for number in asked if number in _NAMES)
    if order != _DEFAULT or capability not in _CUDNN_FIRST:
        return order  # the program's own order, or the default
    if os.environ.get("TORCH_CUDNN_SDPA_DEPRIORITIZED") == "1":
        return order
    return ("cudnn", "flash", "efficient", "math")


def _enabled(backend: Backend) -> bool:
    cuda: Any = torch.backends.cuda
    if backend == "flash":
        return bool(cuda.flash_sdp_enabled())
    if backend == "efficient":
        return bool(cuda.mem_efficient_sdp_enabled())
    return bool(cuda.cudnn_sdp_enabled())


def _sound(call: Attention) -> bool:
    """What all fused kernels ask: four dimensions, one type, something in each."""
    tensors = call.query, call.key, call.value
    return (
        all(t.dim() == 4 and t.dtype is call.query.dtype and 0 not in t.shape for t in tensors)
        and call.query.shape[0] == call.key.shape[0] == call.value.shape[0]
        and call.heads_fit
    )


def _flash(call: Attention, capability: tuple[int, int]) -> bool:
    size = call.query.shape[-1]
    small_shared = capability in ((8, 6), (8, 9), (12, 0), (12, 1))
    return (
        capability >= (8, 0)
        and call.query.dtype in _HALVES
        and not call.has_mask
        and size == call.key.shape[-1] == call.value.shape[-1]
        and size <= 256
        and not (call.causal and call.query.shape[2] != call.key.shape[2])
        and call.dense_last
        and not (
            small_shared
            and call.trains
            and (192 < size <= 224 or (size > 224 and call.dropout > 0))
        )
    )


def alignment(dtype: torch.dtype, capability: tuple[int, int]) -> int:
    """Head sizes that memory-efficient attention takes: multiples of 16 bytes from sm80 on."""
    if dtype in _HALVES:
        return 8
    return 4 if capability >= (8, 0) else 1


def _efficient(call: Attention, capability: tuple[int, int]) -> bool:
    dtype = call.query.dtype
    known = dtype in (torch.float32, torch.float16) or (
        dtype is torch.bfloat16 and capability >= (8, 0)
    )
    step = alignment(dtype, capability)
    return (
        capability >= (5, 0)
        and known
        and not call.grouped
        and all(t.shape[-1] % step == 0 for t in (call.query, call.value))
        and call.query.shape[-1] == call.key.shape[-1]
        and call.dense_last
    )


def _cudnn(call: Attention, capability: tuple[int, int]) -> bool:
    query, key, value = call.query, call.key, call.value
    sizes = query.shape[-1], value.shape[-1]
    most = 256 if capability[0] == 9 else 128
    fits = max(sizes) <= most or (capability[0] == 10 and sizes == (192, 128))
    return (
        capability >= (8, 0)
        and query.dtype in _HALVES
        and all(size % 8 == 0 for size in sizes)
        and fits
        and query.shape[-1] == key.shape[-1]
        and key.shape[2] != 1
        and not (query.shape[2] == 1 and call.dropout > 0)
        and call.dense_last
        and not torch.are_deterministic_algorithms_enabled()
    )


_FITS: dict[Backend, Callable[[Attention, tuple[int, int]], bool]] = {
    "flash": _flash,
    "efficient": _efficient,
    "cudnn": _cudnn,
}
