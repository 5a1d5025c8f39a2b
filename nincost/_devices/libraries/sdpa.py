"""Which kernel CUDA gives scaled dot-product attention: a pure function of shapes and the card.

aten/src/ATen/native/transformers/cuda/sdp_utils.cpp, release 2.14 (its wheels carry cuDNN 9.24).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from nincost._devices.settings import SdpaBackend, Settings

_HALVES = (torch.float16, torch.bfloat16)

#: The first release whose memory-efficient kernel takes fewer heads of keys than of queries.
_GROUPED_EFFICIENT_FROM = (2, 14)

#: Compute capabilities on which cuDNN comes first, with a cuDNN newer than 9.15.0 (CUDA 13).
_CUDNN_FIRST = (9, 10)


@dataclass(frozen=True, slots=True)
class AttentionCall:
    """A call: query, key and value of shapes (batch, heads, length, size), and a mask or None."""

    query: Any
    key: Any
    value: Any
    mask: Any
    dropout: float
    causal: bool
    grouped: bool
    trains: bool

    def dense_last(self, *, but_for_one: bool) -> bool:
        """Whether the last dimension of all of them is dense, or of one element in the query."""
        dense = all(t.stride(-1) == 1 for t in (self.query, self.key, self.value))
        return (dense or (but_for_one and self.query.shape[-1] == 1)) and (
            self.mask is None or self.mask.stride(-1) == 1
        )

    def heads_fit(self, *, equal: bool = True) -> bool:
        """Equal heads, or one for key and value; with grouping query's a multiple of theirs.

        `equal`: whether grouped keys and values must have as many heads as each other.
        """
        queries, keys, values = (t.shape[1] for t in (self.query, self.key, self.value))
        if self.grouped:
            fits = queries % keys == 0 and queries % values == 0
            return bool(fits and (keys == values or not equal))
        return bool(queries == keys == values or keys == values == 1)


def choose_backend(
    call: AttentionCall, capability: tuple[int, int], settings: Settings
) -> SdpaBackend:
    """The first backend in torch's order that is enabled and accepts the call."""
    enabled = {
        "flash": settings.flash_sdp,
        "efficient": settings.efficient_sdp,
        "cudnn": settings.cudnn_sdp and not settings.deterministic,
    }
    if call.grouped and settings.torch_release < _GROUPED_EFFICIENT_FROM:
        enabled["efficient"] = False
    for backend in _order(capability, settings):
        if backend == "math" or (
            enabled[backend] and _sound(call) and _FITS[backend](call, capability)
        ):
            return backend
    return "math"


def _order(capability: tuple[int, int], settings: Settings) -> tuple[SdpaBackend, ...]:
    order = settings.sdpa_order
    if order != Settings().sdpa_order or capability[0] not in _CUDNN_FIRST:
        return order  # the program's own order, or the default
    if settings.variables.get("TORCH_CUDNN_SDPA_DEPRIORITIZED") == "1":
        return order
    return ("cudnn", "flash", "efficient", "math")


def _sound(call: AttentionCall) -> bool:
    """What all fused kernels require: four dimensions, one type, something in each."""
    tensors = call.query, call.key, call.value
    return (
        all(t.dim() == 4 and t.dtype is call.query.dtype for t in tensors)
        and call.query.shape[2] != 0
        and call.key.shape[2] != 0
        and call.query.shape[0] == call.key.shape[0] == call.value.shape[0]
    )


def _flash(call: AttentionCall, capability: tuple[int, int]) -> bool:
    size = call.query.shape[-1]
    small_shared = (8, 6) <= capability <= (8, 9) or capability in ((12, 0), (12, 1))
    return (
        capability >= (8, 0)
        and call.query.dtype in _HALVES
        and call.mask is None
        and size == call.key.shape[-1] == call.value.shape[-1]
        and size <= 256
        and not (call.causal and call.query.shape[2] != call.key.shape[2])
        and call.dense_last(but_for_one=True)
        and call.heads_fit()
        and not (
            small_shared
            and call.trains
            and (192 < size <= 224 or (size > 224 and call.dropout > 0))
        )
    )


def alignment(dtype: torch.dtype, capability: tuple[int, int]) -> int:
    """Head sizes that memory-efficient attention accepts: multiples of 16 bytes from sm80 on."""
    if dtype in _HALVES:
        return 8
    return 4 if capability >= (8, 0) else 1


def _efficient(call: AttentionCall, capability: tuple[int, int]) -> bool:
    dtype = call.query.dtype
    known = dtype in (torch.float32, torch.float16) or (
        dtype is torch.bfloat16 and capability >= (8, 0)
    )
    step = alignment(dtype, capability)
    tensors = call.query, call.key, call.value
    return (
        capability >= (5, 0)
        and known
        and all(t.shape[-1] % step == 0 and t.shape[-1] > 0 for t in (call.query, call.value))
        and call.query.shape[-1] == call.key.shape[-1]
        and call.dense_last(but_for_one=False)
        and call.heads_fit()
        and (capability < (8, 0) or all(t.storage_offset() % step == 0 for t in tensors))
    )


def _cudnn(call: AttentionCall, capability: tuple[int, int]) -> bool:
    query, key = call.query, call.key
    sizes = query.shape[-1], call.value.shape[-1]
    roomy = capability == (9, 0) or capability[0] == 10
    backward = max(sizes) <= 128 or sizes in ((192, 128), (256, 256))
    return (
        capability >= (8, 0)
        and query.dtype in _HALVES
        and all(size % 8 == 0 for size in sizes)
        and max(sizes) <= (256 if roomy else 128)
        and (backward or not (roomy and call.trains))
        and call.dropout * 16 == int(call.dropout * 16)
        and key.shape[2] != 1
        and not (query.shape[2] == 1 and (call.dropout > 0 or capability[0] == 10))
        and max(query.shape[:2]) <= 65_535
        and call.dense_last(but_for_one=True)
        and call.heads_fit(equal=False)
        and _accepts_mask(call)
    )


def _accepts_mask(call: AttentionCall) -> bool:
    """A mask without a gradient, of two dimensions or four, each the call's or 1."""
    mask = call.mask
    if mask is None:
        return True
    whole = (*call.query.shape[:3], call.key.shape[2])[-mask.dim() :]
    fits = all(given in (1, asked) for given, asked in zip(mask.shape, whole, strict=True))
    return mask.dim() in (2, 4) and fits and not mask.requires_grad


_FITS: dict[SdpaBackend, Callable[[AttentionCall, tuple[int, int]], bool]] = {
    "flash": _flash,
    "efficient": _efficient,
    "cudnn": _cudnn,
}
