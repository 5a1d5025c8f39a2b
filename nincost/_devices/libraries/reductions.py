"""Scratch memory of PyTorch's CUDA reductions: sum, mean, norms, and so every bias gradient.

Derived from `setReduceConfig` and `gpu_reduce_kernel` of ATen/native/cuda/Reduce.cuh as installed
with torch 2.14, and from `reorder_dimensions`, `coalesce_dimensions` and `with_32bit_indexing` of
aten/src/ATen/TensorIterator.cpp (as stored in 2026). Not compared with a GPU.

Where many values go into few outputs, several blocks of threads share an output and meet in global
memory: one *buffer* for their partial results and one counter (*semaphore*) for each block of
outputs. Both are allocated after the output and freed when the kernel is launched. A sum over rows
(`grad.sum(0)`, the bias gradient of a linear layer) keeps a partial result for every lane of a
warp too, which makes its buffer tens of MiB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from nincost._devices.strides import dense_strides
from nincost.errors import InputError

ReductionKind = Literal["sum", "mean", "norm", "var", "extreme"]

_WARP = 32
_MOST_THREADS = 512  # mnt_wrapper::MAX_NUM_THREADS, for all but complex doubles
_LEAST_VALUES = 16  # min_values_per_thread
_MOST_VALUES = 256  # max_values_per_thread
_INT_MAX = 2**31 - 1

#: Bytes of an element.
_ITEM = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int64": 8}


@dataclass(frozen=True, slots=True)
class ReductionScratch:
    """Bytes that one reduction allocates beside its output, in this order.

    `accumulation` is held while the parts of an input of 2 GiB and more are reduced one after
    another; `buffer` and `semaphores` are those of the part that needs most.
    """

    buffer: int = 0
    semaphores: int = 0
    accumulation: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """The allocations that happen, in order."""
        return tuple(n for n in (self.accumulation, self.buffer, self.semaphores) if n)


@dataclass(frozen=True, slots=True)
class _Dimension:
    """A dimension of the iterator: its size, and strides in bytes of output and input."""

    size: int
    output: int
    input: int

    @property
    def reduced(self) -> bool:
        return self.output == 0 and self.size > 1


def reduction_scratch(
    shape: Sequence[int],
    dims: Iterable[int],
    *,
    dtype: str,
    sm_count: int,
    threads_per_sm: int,
    strides: Sequence[int] | None = None,
    kind: ReductionKind = "sum",
) -> ReductionScratch:
    """What reducing `dims` of a tensor allocates; `strides` in elements, else row-major.

    `dims` empty means all dimensions, as in `x.sum()`. The output has the input's dtype.
    """
    chosen = tuple(dims)
    item = _ITEM.get(dtype)
    if item is None:
        raise InputError(f"dtype {dtype!r} of a reduction: choose {', '.join(_ITEM)}")
    if not all(-len(shape) <= dim < len(shape) for dim in chosen):
        raise InputError(f"dimensions {chosen} of a reduction of {tuple(shape)}: out of range")
    if not shape or 0 in shape:
        return ReductionScratch()
    steps = dense_strides(shape) if strides is None else tuple(strides)
    reduced = {dim % len(shape) for dim in chosen} or set(range(len(shape)))
    whole = _iterator(shape, steps, reduced, item)
    accumulator = _accumulator_bytes(kind, item)
    kernel = _Kernel(item, accumulator, _input_vector(kind, item), sm_count, threads_per_sm)
    parts = list(_split(whole))
    scratch = [kernel.scratch(part) for part in parts]
    buffer, semaphores = max(scratch, key=sum)
    held = 0
    if len(parts) > 1 and dtype in {"float16", "bfloat16"}:
        held = accumulator * prod(dim.size for dim in whole if not dim.reduced)
    return ReductionScratch(buffer, semaphores, held)


def _accumulator_bytes(kind: ReductionKind, item: int) -> int:
    """Bytes of one partial result (`sizeof(arg_t)`).

    sum, mean and norms: float for types of up to four bytes, else eight bytes. An extreme with its
    index: value and int64, padded to 16. Variance: MODELLED as mean, squares and two counts
    (`WelfordData`), 16 bytes for float and 32 for double.
    """
    plain = max(item, 4)
    if kind == "extreme":
        return 16
    return 4 * plain if kind == "var" else plain


def _input_vector(kind: ReductionKind, item: int) -> int:
    """Values that one load brings (`input_vec_size` of ReduceSumProdKernel.cu and its like)."""
    if kind == "var":
        return 2
    return 8 if kind == "sum" and item == 2 else 4


def _iterator(
    shape: Sequence[int], steps: Sequence[int], reduced: set[int], item: int
) -> list[_Dimension]:
    """The iterator's dimensions: reduced ones first, the fastest first among each, then merged."""
    kept = dense_strides([1 if i in reduced else size for i, size in enumerate(shape)])
    order = [
        _Dimension(size, 0 if i in reduced else kept[i] * item, steps[i] * item)
        for i, size in enumerate(shape)
    ][::-1]
    for place in range(1, len(order)):  # insertion sort, as the order is not total
        low = place
        for high in range(place - 1, -1, -1):
            verdict = _compare(order[high], order[low])
            if verdict > 0:
                order[high], order[low] = order[low], order[high]
                low = high
            elif verdict < 0:
                break
    return _merge(order)


def _compare(first: _Dimension, second: _Dimension) -> int:
    """1 where `first` should come after `second`, -1 where before, 0 where either will do."""
    if (first.output == 0) != (second.output == 0):
        return 1 if second.output == 0 else -1
    for one, other in ((first.output, second.output), (first.input, second.input)):
        if one == 0 or other == 0:
            continue
        if one != other:
            return -1 if one < other else 1
        if first.size > second.size:
            return 1
    return 0


def _merge(order: list[_Dimension]) -> list[_Dimension]:
    """Join neighbours that one stride can walk through, or of which one has size 1."""
    merged = [order[0]]
    for dim in order[1:]:
        last = merged[-1]
        follows = last.size * last.output == dim.output and last.size * last.input == dim.input
        if last.size == 1:
            merged[-1] = dim
        elif dim.size == 1 or follows:
            merged[-1] = _Dimension(last.size * dim.size, last.output, last.input)
        else:
            merged.append(dim)
    return merged


def _split(dims: list[_Dimension]) -> Iterator[list[_Dimension]]:
    """Halve the dimension of the largest extent until 32-bit offsets in bytes reach everything."""
    extents = [
        1 + sum((dim.size - 1) * step for dim, step in zip(dims, steps, strict=True))
        for steps in ([dim.output for dim in dims], [dim.input for dim in dims])
    ]
    if prod(dim.size for dim in dims) <= _INT_MAX and max(extents) <= _INT_MAX:
        yield dims
        return
    reach = [(dim.size - 1) * max(dim.output, dim.input) for dim in dims]
    widest = max(range(len(dims)), key=lambda i: (reach[i], i))
    dim = dims[widest]
    if dim.size < 2:  # strides beyond 2 GiB between single elements cannot be split
        yield dims
        return
    for size in (dim.size // 2, dim.size - dim.size // 2):
        part = _Dimension(size, dim.output, dim.input)
        yield from _split([*dims[:widest], part, *dims[widest + 1 :]])


@dataclass(frozen=True, slots=True)
class _Kernel:
    """How a reduction is launched on one card (`ReduceConfig`)."""

    item: int
    accumulator: int
    input_vector: int
    sm_count: int
    threads_per_sm: int

    def scratch(self, dims: list[_Dimension]) -> tuple[int, int]:
        """Bytes of the buffer and of the semaphores; (0, 0) where one block does each output."""
        outputs = prod(dim.size for dim in dims if dim.output != 0)
        inputs = prod(dim.size for dim in dims) // outputs
        reduced = sum(dim.reduced for dim in dims)
        # whether the input moves fastest along a reduced dimension
        fast = reduced == len(dims) or (reduced > 0 and dims[0].input < dims[reduced].input)
        across, along = (inputs, outputs) if fast else (outputs, inputs)
        vector = 1
        if dims[0 if fast else reduced].input == self.item:
            if fast and across >= 128 and reduced == 1:
                across //= self.input_vector
            elif not fast:
                vector = self._output_vector(dims, reduced)
                across //= vector
        width, height = _block(across, along, _MOST_THREADS // vector)
        step_in, step_out = (width, 1) if fast else (1, width)
        by_warps = _up(inputs, step_in) >= min(height * _LEAST_VALUES, _MOST_VALUES)
        if by_warps:
            step_in *= height
        else:
            step_out *= height
        values = _up(inputs, step_in)
        grid = _up(outputs // vector, step_out)
        target = self.sm_count * (self.threads_per_sm // (width * height))
        if not by_warps or values < _MOST_VALUES or grid > target:
            return 0, 0
        least, most = _up(values, _MOST_VALUES), _up(values, _LEAST_VALUES)
        blocks = max(least, min(_up(target, grid), most))
        if blocks == 1:
            return 0, 0
        lanes = 1 if fast else width * vector
        return self.accumulator * outputs * blocks * lanes, 4 * grid

    def _output_vector(self, dims: list[_Dimension], kept: int) -> int:
        """Outputs that one thread makes at once (`get_output_vec_size`); addresses are aligned."""
        vector = 4
        for i, dim in enumerate(dims):
            length = dim.size if i == kept else dim.input // self.item
            while length % vector:
                vector //= 2
        return vector


def _block(across: int, along: int, most: int) -> tuple[int, int]:
    """Width and height of a block of threads (`set_block_dimension`)."""
    wide, high = _power_below(across, most), _power_below(along, most)
    width = min(wide, _WARP)
    height = min(high, most // width)
    return min(wide, most // height), height


def _power_below(value: int, most: int) -> int:
    """The largest power of two not above `value`, at most `most`."""
    return most if value >= most else 1 << max(value.bit_length() - 1, 0)


def _up(value: int, by: int) -> int:
    return -(-value // by)
