"""Sorting, the largest k, and running sums: what they take from the allocator beside outputs."""

from __future__ import annotations

from typing import Any

import torch

from nincost._devices.declare import rule
from nincost._devices.deterministic import filling
from nincost._devices.libraries.radix_sort import aligned, radix_sort_bytes, scan_bytes
from nincost._devices.memory_format import dense_copy, is_row_major
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._devices.target import Target
from nincost._torch.operators import argument_names
from nincost._trace.records import TensorMeta

_INDEX = 8  # bytes of an int64, and of a pair of int32

#: Rows up to this length are sorted in place by thread blocks (should_use_small_sort).
_SMALL = 4096

#: Elements of a tile of CUB's scan, by the bytes of one.
_SCAN_TILES = {2: 3_328, 4: 1_920, 8: 896}

_TOPK_THREADS = 256
_TOPK_REGISTERS = 40  # of a thread
_TOPK_DIGITS = 256


def _dim(call: Call, rank: int) -> int:
    """The dimension that a sort, a topk or a sum goes along, at least 0."""
    names = argument_names(call.signature.func)
    given: Any = call.signature.kwargs.get("dim")
    place = names.index("dim")
    if given is None:
        given = call.args[place] if place < len(call.args) else -1
    return int(given) % max(rank, 1)


@rule(
    "aten.sort",
    source="aten/src/ATen/native/cuda/Sort.cpp sort_cuda_kernel; cuda/SortStable.cu "
    "launch_stable_sort_kernel; CCCL 13.0 dispatch_radix_sort.cuh",
    kind="modelled",
)
def sort(call: Call) -> list[Action]:
    """Values and indices, then the scratch of the sort that CUB does where rows are long."""
    x = call.args[0]
    dim = _dim(call, len(x.shape))
    return [out(0), out(1), *_sort_scratch(x, dim, call.target)]


def _sort_scratch(x: TensorMeta, dim: int, target: Target) -> list[Action]:
    """Up to 4096 elements a row nothing; else by how many rows there are.

    One row, or rows of a million and more: one after the other, with row numbers beside. Fewer
    than 128 rows: all at once by value, then again by row. More: CUB's sort in segments.
    """
    length = x.shape[dim] if x.shape else 1
    if x.elements == 0:
        return []
    if length <= _SMALL:
        return [alloc("numbers", length * _INDEX), *filling(target, torch.int64)]
    item, count, major = x.dtype.itemsize, x.elements, target.capability[0]
    rows = count // length
    copied = 0 if dim == len(x.shape) - 1 and is_row_major(x) else 1
    actions: list[Action] = [
        alloc("rows in one piece", copied * x.bytes),
        alloc("sorted rows", copied * x.bytes),
        alloc("their indices", copied * count * _INDEX),
    ]
    if rows == 1 or length >= 1_000_000:
        scratch = radix_sort_bytes(length, item * 8, major, key=item)
        numbers = [alloc("numbers", length * _INDEX), *filling(target, torch.int64)]
        return [*actions, *numbers, alloc("sort", scratch), free("sort")]
    if rows < 128:
        by_value = radix_sort_bytes(count, item * 8, major, key=item)
        by_row = radix_sort_bytes(count, (rows - 1).bit_length(), major, value=0)
        return [
            *actions,
            alloc("index and row", count * _INDEX), alloc("index and row 2", count * _INDEX),
            alloc("sorted keys", x.bytes), alloc("sort", by_value), free("sort"),
            free("sorted keys"), alloc("sort again", by_row), free("sort again"),
        ]  # fmt: skip
    segments = aligned(x.bytes) + aligned(count * _INDEX) + 255
    return [*actions, alloc("numbers", count * _INDEX), alloc("sort", segments)]


def _topk_in_blocks(rows: int, length: int) -> bool:
    """should_use_multiblock of aten/src/ATen/native/cuda/TensorTopK.cu."""
    for most, least in ((20, 20_000), (40, 10_000), (80, 8_000), (199, 5_000), (799, 3_000)):
        if rows <= most:
            return length >= least
    return length >= (800 if rows <= 4_000 else 400)


@rule(
    "aten.topk",
    source="aten/src/ATen/native/cuda/TensorTopK.cpp topk_out_cuda; TensorTopK.cu mbtopk::launch",
    kind="modelled",
)
def topk(call: Call) -> list[Action]:
    """Long rows cut into blocks count digits; others need nothing.

    The blocks' counts are summed twice by CUB's scan.
    """
    x = call.args[0]
    dim = _dim(call, len(x.shape))
    length = x.shape[dim] if x.shape else 1
    if x.elements == 0:
        return [out(0), out(1)]
    rows = x.elements // length
    actions: list[Action] = [out(0), out(1), alloc("copy", dense_copy(x))]
    if not _topk_in_blocks(rows, length):
        return actions
    limits = call.target.gpu.limits
    resident = min(65_536 // (_TOPK_REGISTERS * _TOPK_THREADS), limits.blocks_per_sm)
    slots = call.target.multiprocessors * resident * _TOPK_THREADS
    each = max(4, min(-(-x.elements // slots), 64))
    blocks = rows * -(-length // (each * _TOPK_THREADS))
    scan = alloc("tiles", scan_bytes(blocks, _SCAN_TILES[4], 8))
    names = ("kth values", "k to find", "digits", "counts", "sums", "counts within", "of the kth")
    sizes = (
        rows * x.dtype.itemsize, 2 * rows * 4, 2 * rows * max(4, x.dtype.itemsize),
        blocks * _TOPK_DIGITS * 2, rows * _TOPK_DIGITS * 4, blocks * 4, blocks * 4,
    )  # fmt: skip
    return [
        *actions, *map(alloc, names, sizes), scan, free("tiles"), scan, free("tiles"),
        *map(free, reversed(names)),
    ]  # fmt: skip


@rule(
    "aten.cumsum",
    "aten.cumprod",
    source="aten/src/ATen/native/cuda/ScanUtils.cuh scan_dim; aten/src/ATen/cuda/cub.cuh "
    "inclusive_deterministic_scan; CCCL 13.0 dispatch_scan.cuh",
    kind="modelled",
)
def running_sum(call: Call) -> list[Action]:
    """One long row goes through CUB, with a state for each tile.

    Where a sum must be deterministic, with a sum for each block of ATen's own kernel. Others are
    summed by ATen's own kernels, in row-major form; another type is converted first.
    """
    x = call.args[0]
    dim = _dim(call, len(x.shape))
    row = bool(x.shape) and x.shape[dim] == x.elements and is_row_major(x)
    y = call.outputs[0]
    width = y.dtype.itemsize
    state = scan_bytes(x.elements, _SCAN_TILES.get(width, 1_920), width) if row else 0
    sums = call.signature.name == "aten.cumsum" and y.dtype.is_floating_point
    if row and sums and call.target.settings.deterministic:
        each = 16 * (512 if width < 8 else 256)
        state = min(call.target.multiprocessors, -(-x.elements // each)) * width
    copy = y.bytes if x.dtype is not y.dtype else dense_copy(x)
    return [out(0), alloc("copy", copy), alloc("tiles", state)]
