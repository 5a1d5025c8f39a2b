"""What is found by values on CUDA: places that are not zero, and masks as indices."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nincost._devices.declare import rule
from nincost._devices.libraries.radix_sort import aligned, scan_bytes
from nincost._devices.memory_format import dense_copy
from nincost._devices.output_layouts import broadcast
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target
from nincost._trace.records import TensorMeta

_INDEX = 8  # bytes of an int64

#: Elements that CUB sums up in a single tile.
_ONE_TILE = 4096


def is_mask(index: object) -> bool:
    """Whether an index is a mask: of truth values, or of bytes as once."""
    return isinstance(index, TensorMeta) and str(index.dtype) in ("torch.bool", "torch.uint8")


def sum_bytes(count: int, target: Target) -> int:
    """Scratch of CUB's sum of `count` values, 4 bytes each: one for a block, 5 waves of blocks.

    CCCL 13.0, cub/device/dispatch/dispatch_reduce.cuh.
    """
    if count <= _ONE_TILE:
        return 1
    blocks = target.multiprocessors * (target.gpu.limits.threads_per_sm // 256) * 5
    return aligned(4 * blocks) + 255


def _tile(target: Target) -> int:
    """Elements that a block of CUB's selection of 8-byte values by flags sees.

    CCCL 13.0, cub/device/dispatch/tuning/tuning_select_if.cuh.
    """
    if target.capability >= (10, 0):
        return 3520
    return {(9, 0): 4224, (8, 0): 2304}.get(target.capability, 640)


def places(tensor: TensorMeta, size: int, name: str, target: Target) -> list[Action]:
    """What `nonzero` allocates; the places that it found are the scratch memory called `name`."""
    return [*_count(tensor, name, target), alloc(name, size), *_select(tensor, name, target)]


def _count(tensor: TensorMeta, name: str, target: Target) -> list[Action]:
    summed = sum_bytes(tensor.elements, target)
    return [
        alloc(f"{name}: dense", dense_copy(tensor)),
        alloc(f"{name}: count", 4),
        alloc(f"{name}: sum", summed), free(f"{name}: sum"),
    ]  # fmt: skip


def _select(tensor: TensorMeta, name: str, target: Target) -> list[Action]:
    selected = scan_bytes(tensor.elements, _tile(target), 4) if tensor.shape else 0
    return [
        alloc(f"{name}: selected", selected), free(f"{name}: selected"),
        free(f"{name}: count"), free(f"{name}: dense"),
    ]  # fmt: skip


@rule("aten.nonzero", source="aten/src/ATen/native/cuda/Nonzero.cu nonzero_cuda_out_impl")
def nonzero(call: Call) -> list[Action]:
    """Counts, allocates the places, and selects them."""
    tensor = call.args[0]
    found, target = "found", call.target
    return [*_count(tensor, found, target), out(0), *_select(tensor, found, target)]


def mask_places(indices: Sequence[TensorMeta | None], found: int, target: Target) -> list[Action]:
    """The places of each mask among some indices, `found` in each, named `mask 0` and so on."""
    actions: list[Action] = []
    for number, one in enumerate(indices):
        if isinstance(one, TensorMeta) and is_mask(one):
            size = found * len(one.shape) * _INDEX
            actions += places(one, size, f"mask {number}", target)
    return actions


def found_in(base: TensorMeta, indices: Sequence[TensorMeta | None], selected: TensorMeta) -> int:
    """How many places of `base` each mask among some indices selects.

    As many as another index has, else by the size of what was selected; all where one number was
    put into all of them.
    """
    given = [one for one in indices if one is not None]
    masks = [one for one in given if is_mask(one)]
    others = [one.elements for one in given if not is_mask(one)]
    if not masks or (others and max(others) != 1):
        return max(others, default=0)
    rest = base.elements // max(math.prod(one.elements for one in masks), 1)
    if not rest or selected.elements % rest:
        return masks[0].elements
    return selected.elements // rest


@rule(
    "aten.masked_select",
    source="aten/src/ATen/native/cuda/IndexKernel.cpp masked_select_out_cuda_impl",
)
def masked_select(call: Call) -> list[Action]:
    """`index` with a mask of the common shape."""
    tensor, mask = call.args[:2]
    whole = _common(tensor, mask)
    found = call.outputs[0].elements * len(whole.shape) * _INDEX
    return [*places(whole, found, "mask 0", call.target), out(0)]


def _common(tensor: TensorMeta, mask: TensorMeta) -> TensorMeta:
    """The mask, expanded."""
    shape = broadcast(tensor.shape, mask.shape)
    missing = len(shape) - len(mask.shape)
    stride = [0] * missing + [
        0 if size != whole else step
        for size, whole, step in zip(mask.shape, shape[missing:], mask.stride, strict=True)
    ]
    return TensorMeta(shape, tuple(stride), mask.dtype)


@rule(
    "aten.isin",
    source="aten/src/ATen/native/TensorCompare.cpp isin.Tensor_Tensor_out; "
    "cuda/TensorCompare.cpp isin_default_kernel_gpu",
)
def isin(call: Call) -> list[Action]:
    """Few values to look for: a truth value for each pair, and one for each element."""
    elements, wanted = call.args[:2]
    if not isinstance(elements, TensorMeta) or not isinstance(wanted, TensorMeta):
        return []
    if wanted.elements >= 10 * elements.elements**0.145:  # they are sorted
        return []
    pairs = elements.elements * wanted.elements
    return [out(0), alloc("equal", pairs), alloc("any", elements.elements)]
