"""Weights that are quantized when a model is moved to the device, as they are then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nincost._devices.libraries.bitsandbytes_kernels import map_tensors, quantize_4bit
from nincost._memory.storage_tracker import StorageTracker
from nincost._models.made_of_tensors import parts_of
from nincost._models.packed_weights import is_packed
from nincost._step.quantized.torchao_weights import quantize_placed
from nincost.errors import ModelError, NotFollowedError


def quantize_by_torchao(module: nn.Module, recorder: StorageTracker, layer: int) -> None:
    """Have torchao quantize the weight of a layer that waits for it, and is placed.

    Raises:
        NotFollowedError: torchao cannot do so on the meta device.
    """
    recorder.layer = layer
    try:
        with torch.no_grad(), recorder.operators():
            quantize_placed(module)
    except ModelError as error:
        raise NotFollowedError(
            f"{error}, on the meta device: ask memory on Linux, where an emulated GPU can do it",
            "these weights of torchao",
        ) from error
    weight: Any = module.weight
    recorder.classify(parts_of(weight), "parameters")
    recorder.layer_of_parameter[id(weight)] = layer
    recorder.layer = -1


def place_quantized(parameter: nn.Parameter, recorder: StorageTracker, layer: int) -> bool:
    """Place a weight that is quantized, or will be when it is moved; False where it is none.

    As `Params4bit._quantize` and `Int8Params._quantize` do: the whole weight is on the device
    until what it becomes is there, too.
    """
    kind = _kind(parameter)
    weight: Any = parameter
    if not kind:
        for kept in _kept(weight) if is_packed(parameter) else ():
            recorder.place(kept, "parameters", layer)
        return is_packed(parameter)
    recorder.layer = layer
    with torch.no_grad(), recorder.operators():
        if kind == "Params4bit":
            _to_4bit(weight)
        else:
            _to_8bit(weight)
    recorder.classify(_kept(weight), "parameters")
    recorder.layer = -1
    return True


def _kind(parameter: nn.Parameter) -> str:
    """`Params4bit` or `Int8Params` of a weight that is not quantized yet; else nothing."""
    layers = sys.modules.get("bitsandbytes.nn")
    weight: Any = parameter
    if layers is None:
        return ""
    if isinstance(weight, layers.Params4bit):
        return "" if weight.bnb_quantized else "Params4bit"
    waits = isinstance(weight, layers.Int8Params) and not weight.has_fp16_weights
    return "Int8Params" if waits and weight.dtype is not torch.int8 else ""


def _to_4bit(weight: Any) -> None:
    whole = _moved(weight)
    weight.data, weight.quant_state = quantize_4bit(
        whole,
        blocksize=weight.blocksize,
        compress_statistics=weight.compress_statistics,
        quant_type=weight.quant_type,
        quant_storage=weight.quant_storage,
    )
    if weight.module is not None:
        weight.module.quant_state = weight.quant_state
    weight.bnb_quantized = True


def _to_8bit(weight: Any) -> None:
    half = _moved(weight, torch.float16)
    weight.CB, weight.SCB, _ = torch.ops.bitsandbytes.int8_vectorwise_quant.default(half)
    weight.data = weight.CB


def _moved(weight: Any, dtype: torch.dtype | None = None) -> Tensor:
    """The whole weight on the device."""
    return torch.empty_like(weight.data, dtype=dtype, device="meta")


def _kept(weight: Any) -> Iterator[Tensor]:
    yield weight.data
    yield from map_tensors()
    state = getattr(weight, "quant_state", None)
    for one in (state, getattr(state, "state2", None)):
        if one is not None:
            yield from (t for t in (one.absmax, one.code, one.offset) if isinstance(t, Tensor))
    if getattr(weight, "SCB", None) is not None:
        yield weight.SCB
