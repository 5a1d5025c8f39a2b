"""How long kernels take: physics with the efficiencies of `parameters.toml`.

A kernel computes and moves bytes at once, so it takes about as long as the slower of both:

    seconds = fixed + (compute^q + memory^q)^(1/q)

`memory` is bytes over the card's bandwidth times the family's efficiency, or over what few blocks
can move. `compute` of a matrix product follows its tiles (see `_tiled`); of other contractions it
is FLOPs over peak times efficiency; of kernels that issue many instructions for each element, these
over what the SMs' schedulers issue. Everything is computed for all kernels of a step at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from nincost._devices.cards import Gpu
from nincost._time.parameters import Parameters, Tiles
from nincost._time.peaks import peak_of
from nincost._time.work.kinds import (
    DEPTHWISE,
    FAMILIES,
    INSTRUCTIONS,
    OTHER_CONTRACTIONS,
    PRODUCTS,
    Precision,
    Work,
)

#: Sizes of the tiles that libraries cut results into (cuBLAS's and CUTLASS's kernels are named by
#: them); each is tried in both orientations.
_TILES = ((256, 128), (128, 128), (128, 64), (64, 64), (128, 32), (64, 32), (32, 32))
#: Into how many parts the inner dimension may be split, where a result has too few tiles.
_SPLITS = (1, 2, 4, 8, 16, 32, 64)
#: Winograd's algorithm in one kernel (cuDNN's "winograd_128x128 ... tile148" of Volta and Ampere):
#: a block has 4 x 8 tiles of 2 x 2 results in 32 channels, 16 products each: as much as a tile of
#: 128 x 128 of a product.
_FUSED_ROWS, _FUSED_COLUMNS, _FUSED_CHANNELS, _FUSED_TILE = 8, 16, 32, 128

#: cuBLAS splits no batched product.
_UNSPLIT = frozenset({"batched-matmul", "attention", "attention-backward"})

#: Lanes for which an SM issues an instruction each clock: four schedulers, a warp each.
_LANES = 128

_SIZES: dict[Precision, int] = {
    "float64": 8, "float32": 4, "tf32": 4, "float16": 2, "bfloat16": 2,
}  # fmt: skip
_PRECISIONS = tuple(_SIZES)

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each kernel, and its two parts."""

    seconds: Array
    compute: Array
    memory: Array


@dataclass(frozen=True, slots=True)
class WorkTable:
    """Many kernels' work as columns."""

    family: np.ndarray[Any, np.dtype[np.int64]]
    precision: np.ndarray[Any, np.dtype[np.int64]]
    flops: Array
    moved: Array
    product: Array  # [4, kernels]: batch, m, n, k
    launches: Array
    winograd: Array
    blocks: Array
    instructions: np.ndarray[Any, np.dtype[np.int64]]
    units: Array

    @classmethod
    def of(cls, works: Sequence[Work]) -> WorkTable:
        return cls(
            np.array([FAMILIES.index(work.family) for work in works], dtype=np.int64),
            np.array([_PRECISIONS.index(work.precision) for work in works], dtype=np.int64),
            np.array([work.flops for work in works], dtype=float),
            np.array([work.moved for work in works], dtype=float),
            np.array([work.product for work in works], dtype=float).reshape(-1, 4).T,
            np.array([work.launches for work in works], dtype=float),
            np.array([work.winograd for work in works], dtype=float),
            np.array([work.blocks for work in works], dtype=float),
            np.array([INSTRUCTIONS.index(work.instructions) for work in works], dtype=np.int64),
            np.array([work.units for work in works], dtype=float),
        )


def kernel_times(table: WorkTable, gpu: Gpu, parameters: Parameters) -> Times:
    """Seconds of each kernel of a table on a card, launched into a queue that is never empty."""
    bandwidth = gpu.bandwidth * gpu.streaming * np.array([
        parameters.memory[name] for name in FAMILIES
    ])  # fmt: skip
    # A block alone moves no more than its loads in flight over the memory's latency.
    of_block = np.array([
        parameters.block_bandwidth.get(name.removesuffix("-backward"), np.inf) for name in FAMILIES
    ])  # fmt: skip
    blocks = np.minimum(table.blocks, 2 * gpu.sm_count)
    limit = np.where(blocks > 0, np.maximum(blocks, 1) * of_block[table.family], np.inf)
    # Depthwise kernels that wait for their instructions (ATen's) stream; shares are of cuDNN's.
    names = [name if name not in DEPTHWISE else "elementwise" for name in FAMILIES]
    streams = gpu.bandwidth * gpu.streaming * np.array([parameters.memory[name] for name in names])
    reached = np.where(table.units > 0, streams[table.family], bandwidth[table.family])
    memory = table.moved / np.minimum(reached, limit)
    slots = np.array([parameters.instructions.get(name, 0.0) for name in INSTRUCTIONS])
    issue = gpu.sm_count * _LANES * gpu.sm_clock_khz * 1000.0
    compute = table.units * slots[table.instructions] / issue
    for number, precision in enumerate(_PRECISIONS):
        peak = peak_of(gpu, precision)
        kind = parameters.tensor if peak.tensor else parameters.cores
        here = (table.precision == number) & (table.flops > 0)
        for name, share in kind.memory.items():
            rows = here & (table.family == FAMILIES.index(name))
            memory[rows] = table.moved[rows] / (gpu.bandwidth * gpu.streaming * share)
        for name in PRODUCTS:
            rows = here & (table.family == FAMILIES.index(name))
            tiled = rows & (table.product[0] > 0)
            if tiled.any():
                compute[tiled] = _tiled(table.product[:, tiled], name, precision, gpu, parameters)
            if not peak.tensor and precision == "float32" and name.startswith("conv"):
                quick = tiled & (table.winograd > 0)
                if quick.any():
                    other = _winograd(table, quick, name, gpu, parameters)
                    compute[quick] = np.minimum(compute[quick], other)
            rows &= ~tiled
            compute[rows] = table.flops[rows] / (peak.flops * kind.efficiency[name])
        for name in ("attention", "attention-backward"):  # scores take instructions besides
            rows = here & (table.family == FAMILIES.index(name))
            flops = 2 * table.product[:, rows].prod(axis=0)
            compute[rows] += flops / (peak.flops * kind.efficiency[name])
        for name in OTHER_CONTRACTIONS:
            rows = here & (table.family == FAMILIES.index(name)) & (table.units == 0)
            flops, share = peak.flops, kind.efficiency[name]
            if name.startswith("depthwise"):  # no product for tensor cores
                flops, share = peak_of(gpu, "float32").flops, parameters.cores.efficiency[name]
            compute[rows] = table.flops[rows] / (flops * share)
    q = parameters.overlap
    fixed = parameters.kernel_seconds * table.launches
    whole = parameters.slowdown * (fixed + (compute**q + memory**q) ** (1 / q))
    return Times(whole, compute, memory)


def _tiled(
    product: Array,
    family: str,
    precision: Precision,
    gpu: Gpu,
    parameters: Parameters,
    kernel: str = "",
) -> Array:
    """Seconds that tiles of a matrix product take.

    A result of m x n is cut into tiles of a x b, which an SM computes one after another, each in
    `2 a b (k + k0)` FLOPs: k0 stands for filling the pipeline and for writing the tile. The SM with
    the most tiles ends last. A tile needs `(a + b) k` elements from the L2 cache. Where the whole
    card computes, it may not take more power than it is rated at; what a small tile issues beside
    its FLOPs takes time and energy alike. Of all tile sizes, and splits
    of k, libraries are taken to choose the fastest. `kernel` names those of Winograd's algorithm.
    """
    peak = peak_of(gpu, precision)
    kind = parameters.tensor if peak.tensor else parameters.cores
    batch, m, n, k = product
    size = _SIZES[precision] if peak.tensor or precision == "float64" else 4
    rate = peak.flops / gpu.sm_count * kind.efficiency[family]
    l2_rate = parameters.l2_bytes_per_clock * gpu.sm_clock_khz * 1000.0
    capped = parameters.most_flops(gpu, tensor=peak.tensor, size=size)
    if peak.tensor:
        k, n = _aligned(k), _aligned(n)
    sizes = None if peak.tensor else parameters.tiles.get((kernel or family, gpu.capability))
    if kernel == "fused":
        sizes = ((_FUSED_TILE, _FUSED_TILE),)
    split = family not in _UNSPLIT and not kernel
    a, b, parts = _ways(kind.largest_tile, sizes, split=split)
    tiles = np.ceil(m / a) * np.ceil(n / b) * batch * parts
    inner = np.ceil(k / parts)
    flops = 2.0 * a * b * (inner + kind.filling)
    share = (a * b / kind.largest_tile) ** kind.small_tiles
    slower = rate * share
    one = np.maximum(flops / slower, (a + b) * inner * size / l2_rate)
    seconds = np.maximum(np.ceil(tiles / gpu.sm_count) * one, tiles * flops / (capped * share))
    # Partial sums are written, read and added.
    moved = np.where(parts > 1, 8.0 * parts * m * n * batch, 0.0)
    seconds += moved / (gpu.bandwidth * gpu.streaming * parameters.memory[family])
    seconds += np.where(parts > 1, parameters.kernel_seconds, 0.0)
    fastest: Array = seconds.min(axis=0)
    return fastest


@cache
def _ways(largest: int, only: Tiles | None, *, split: bool) -> tuple[Array, Array, Array]:
    """Each way to cut a product, as columns: the tile's rows and columns, and parts of k."""
    every = (tile for one in _TILES for tile in (one, one[::-1]))
    sizes = set(only or ()) or {(x, y) for x, y in every if x * y <= largest}
    ways = [(x, y, parts) for x, y in sorted(sizes) for parts in (_SPLITS if split else (1,))]
    columns = np.array(ways, dtype=float).T[:, :, None]
    return columns[0], columns[1], columns[2]


def _aligned(sizes: Array) -> Array:
    """Tensor cores take eight elements at a time."""
    return np.ceil(sizes / 8) * 8


def _winograd(table: WorkTable, rows: Any, family: str, gpu: Gpu, parameters: Parameters) -> Array:
    """Seconds of 3 x 3 convolutions by Winograd's algorithm (Lavin and Gray 2016).

    A tile of t x t outputs takes (t + 2)^2 products in the place of 9 t^2, each of them one matrix
    product for all tiles; inputs, weights and results are written and read in transformed form. A
    kernel for tiles of 2 x 2 does all at once, where blocks of 8 x 16 results fit the image.
    """
    _, m, n, k = table.product[:, rows]
    side, channels = table.winograd[rows], k / 9
    if family == "conv-filter":  # m x k is the weight's gradient there: (out, in * 9, positions)
        m, n, channels = k, m, n / 9
    images = m / side**2
    best = np.full(m.shape, np.inf)
    for tile in (2, 4):
        points = (tile + 2.0) ** 2
        tiles = images * np.ceil(side / tile) ** 2
        if tile == 2 and family != "conv-filter":
            patches = images * np.ceil(side / _FUSED_ROWS) * np.ceil(side / _FUSED_COLUMNS)
            blocks = patches * _FUSED_TILE, np.ceil(n / _FUSED_CHANNELS) * _FUSED_TILE
            fused = np.array([np.ones(m.shape), *blocks, channels])
            best = _tiled(fused, family, "float32", gpu, parameters, "fused")
            continue
        product = np.array([np.full(m.shape, points), tiles, n, channels])
        if family == "conv-filter":
            product = np.array([np.full(m.shape, points), n, channels, tiles])
        seconds = _tiled(product, family, "float32", gpu, parameters, "winograd")
        moved = 4.0 * 2 * points * (tiles * (channels + n) + channels * n)
        seconds = seconds + moved / (gpu.bandwidth * gpu.streaming * parameters.memory[family])
        best = np.minimum(best, seconds + 3 * parameters.kernel_seconds)
    return best
