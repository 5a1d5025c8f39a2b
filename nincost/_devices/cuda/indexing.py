"""Gathering and scattering on CUDA; what accumulates or is deterministic sorts its indices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from nincost._devices.cuda.masks import found_in, is_mask, mask_places
from nincost._devices.declare import rule
from nincost._devices.deterministic import filling
from nincost._devices.in_place_formulas import SCATTER_IN_PLACE
from nincost._devices.libraries.radix_sort import radix_sort_bytes
from nincost._devices.memory_format import dense_copy
from nincost._devices.output_layouts import broadcast
from nincost._devices.rules import Action, AllocScratch, Call, alloc, free, out
from nincost._devices.strides import dense_strides
from nincost._trace.records import TensorMeta

_INDEX = 8  # bytes of an int64


@rule(
    "aten.index",
    "aten._unsafe_index",
    source="aten/src/ATen/native/IndexingUtils.h expandTensors, TensorAdvancedIndexing.cpp "
    "make_info",
)
def index(call: Call) -> list[Action]:
    """Indices that do not lie alike once they are of one shape are copied into row-major form.

    A mask becomes the places where it is set, which live until the result is there.
    """
    base, indices = call.args[:2]
    found = found_in(base, indices, call.outputs[0])
    copies = _alike([one for _, one in _given(indices, found)])
    places = mask_places(indices, found, call.target)
    return [*places, *copies, out(0), *(free(copy.name) for copy in reversed(copies))]


def _alike(indices: Sequence[TensorMeta | None]) -> list[AllocScratch]:
    given = [one for one in indices if one is not None]
    if len(given) < 2 or any(one.dtype is not torch.int64 for one in given):
        return []
    shape = broadcast(*(one.shape for one in given))
    wide = [_expanded(one, shape) for one in given]
    if len({one.stride for one in wide}) == 1:
        return []
    return [alloc(f"index copy {number}", dense_copy(one)) for number, one in enumerate(wide)]


@rule(
    "aten.scatter",
    "aten.scatter_",
    "aten.scatter_add",
    "aten.scatter_add_",
    source="torch/csrc/autograd/FunctionsManual.cpp value_selecting_reduction_backward; "
    "aten/src/ATen/native/TensorAdvancedIndexing.cpp scatter_impl, scatter_add",
)
def scatter(call: Call) -> list[Action]:
    """A deterministic one of a tensor goes through `index_put`."""
    first = out(0, over=0 if call.node in SCATTER_IN_PLACE else None)
    if not call.target.settings.deterministic or not isinstance(call.arg(3), TensorMeta):
        return [first]
    return [first, *_through_index_put(call)]


@rule(
    "aten.scatter_reduce",
    "aten.scatter_reduce_",
    source="aten/src/ATen/native/TensorAdvancedIndexing.cpp scatter_reduce_two",
)
def scatter_reduce(call: Call) -> list[Action]:
    """A mean counts what it adds up; a deterministic sum or mean goes through `index_put`."""
    base, _, _, values, how = call.args[:5]
    sums = how in ("sum", "mean") and call.target.settings.deterministic
    put = _through_index_put(call) if sums else []
    if how != "mean":
        return [out(0), *put]
    return [
        out(0), *put, alloc("ones", values.bytes), alloc("counts", base.bytes), *put,
        alloc("zeros", base.elements), free("zeros"), free("counts"), free("ones"),
    ]  # fmt: skip


@rule(
    "aten.index_add",
    "aten.index_add_",
    source="aten/src/ATen/native/TensorAdvancedIndexing.cpp index_select_backward_symint; "
    "aten/src/ATen/native/cuda/Indexing.cu index_add_cuda_impl",
)
def index_add(call: Call) -> list[Action]:
    """A deterministic one puts the values, multiplied, where they belong by `index_put`."""
    first = out(0, over=0 if call.node == "IndexSelectBackward0" else None)
    if not call.target.settings.deterministic:
        return [first]
    base, dim, index, values = call.args[:4]
    scaled = _dense(values.shape, values.dtype)
    put = _by_sorting(call, base, [(dim % max(len(base.shape), 1), index)], scaled, checked=True)
    return [first, alloc("scaled", scaled.bytes), *put, free("scaled")]


@rule(
    "aten.index_copy",
    "aten.index_copy_",
    source="aten/src/ATen/native/TensorAdvancedIndexing.cpp index_copy_out",
)
def index_copy(call: Call) -> list[Action]:
    """A deterministic one is an `index_put`."""
    if not call.target.settings.deterministic:
        return [out(0)]
    base, dim, index, values = call.args[:4]
    place = dim % max(len(base.shape), 1)
    return [out(0), *_by_sorting(call, base, [(place, index)], values, checked=True)]


@rule(
    "aten.index_put",
    "aten.index_put_",
    "aten._index_put_impl_",
    "aten._unsafe_index_put",
    source="aten/src/ATen/native/cuda/Indexing.cu index_put_with_sort_kernel; "
    "aten/src/ATen/native/TensorAdvancedIndexing.cpp _index_put_impl_; "
    "torch/csrc/autograd/FunctionsManual.cpp index_backward",
)
def index_put(call: Call) -> list[Action]:
    """In a gradient it writes into the zeros it was given.

    Accumulation sorts its indices, and so does what must be deterministic, unless there is one
    value to put.
    """
    in_gradient = call.node == "IndexBackward0"
    base, indices, values = call.args[:3]
    first = out(0, over=0 if in_gradient else None)
    given_indices = [index for index in indices if index is not None]
    if (
        values.shape == ()
        and not call.arg(3, False)
        and list(map(is_mask, given_indices)) == [True]
    ):
        return [first]  # a number is on the CPU, and fills the mask: canDispatchToMaskedFill
    found = found_in(base, indices, values)
    places = mask_places(indices, found, call.target)
    given = list(_given(indices, found))
    sorts = call.arg(3, False) or (call.target.settings.deterministic and values.elements > 1)
    if not sorts or not given:
        copies = _alike([one for _, one in given])
        return [*places, first, *copies, *(free(copy.name) for copy in reversed(copies))]
    put = _by_sorting(call, base, given, values, checked=not in_gradient)
    # Places that a mask had end when they are put together.
    linear = next((n for n, one in enumerate(put) if one[0] == "values copy"), 0)
    ended = [free(f"mask {number}") for number, index in enumerate(indices) if is_mask(index)]
    return [*places, first, *put[:linear], *ended, *put[linear:]]


def _given(indices: Sequence[TensorMeta | None], found: int) -> Iterator[tuple[int, TensorMeta]]:
    """The dimensions that are indexed, each with its index; a mask's are its places."""
    dim = 0
    for index in indices:
        if index is not None and is_mask(index):
            for _ in index.shape:
                yield dim, TensorMeta(torch.Size([found]), (1,), torch.int64)
                dim += 1
            continue
        if index is not None:
            yield dim, index
        dim += 1


def _through_index_put(call: Call) -> list[Action]:
    """_scatter_via_index_put: an index for each dimension, all but one a range."""
    base, dim, index, values = call.args[:4]
    dim %= max(len(base.shape), 1)
    values = TensorMeta(index.shape, values.stride, values.dtype)
    others = [d for d in range(len(index.shape)) if d != dim]
    if all(index.stride[d] == 0 for d in others):  # it is the same for all of them
        one = TensorMeta(
            torch.Size([index.shape[dim]] if index.shape else []),
            (index.stride[dim],) if index.shape else (),
            index.dtype,
        )
        return _by_sorting(call, base, [(dim, one)], values, checked=True)
    given, made = [], []
    for d, size in enumerate(index.shape):
        if d == dim:
            given.append((d, index))
            continue
        ranges = tuple(int(other == d) for other in range(len(index.shape)))
        given.append((d, TensorMeta(index.shape, ranges, index.dtype)))
        made += [alloc(f"range {d}", size * _INDEX), *filling(call.target, index.dtype)]
    put = _by_sorting(call, base, given, values, checked=True)
    return [*made, *put, *(free(f"range {d}") for d in reversed(others))]


def _by_sorting(
    call: Call,
    base: TensorMeta,
    given: Sequence[tuple[int, TensorMeta]],
    values: TensorMeta,
    *,
    checked: bool,
) -> list[Action]:
    """index_put_with_sort_kernel, without its output.

    The indices become places in `base`, one index after the other, and are sorted.

    Args:
        given: dimensions and their indices.
        checked: whether the least and the largest of each index are looked at.
    """
    shape = broadcast(*(index.shape for _, index in given))
    count = math.prod(shape)
    behind = max(d for d, _ in given) + 1
    slices = max(base.elements - 1, 0) // max(math.prod(base.shape[behind:]), 1)
    sort = radix_sort_bytes(count, max(slices.bit_length(), 1), call.target.capability[0])
    each = count * _INDEX
    linear: list[Action] = []
    for number, (_, index) in enumerate(given):
        if checked:
            linear += _range_check(_expanded(index, shape))
        linear += [alloc("remainder", each), alloc(f"linear {number}", each), free("remainder")]
        if number:  # added to the first
            linear.append(free(f"linear {number}"))
    return [
        *linear,
        alloc("values copy", dense_copy(_expanded(values, _values_shape(base, given)))),
        alloc("transposed", 0 if _together(given) else base.bytes),
        alloc("sorted", each), alloc("order", each), alloc("range", each),
        *filling(call.target, torch.int64), alloc("sort", sort),
        free("sort"), free("range"), free("order"), free("sorted"),
        free("transposed"), free("values copy"), free("linear 0"),
    ]  # fmt: skip


def _values_shape(base: TensorMeta, given: Sequence[tuple[int, TensorMeta]]) -> torch.Size:
    """The shape of what is put: that of the indices, where they stand or, if apart, in front."""
    dims = [d for d, _ in given]
    before = dims[0] if _together(given) else 0
    rest = [size for d, size in enumerate(base.shape) if d not in dims]
    shape = broadcast(*(index.shape for _, index in given))
    return torch.Size([*rest[:before], *shape, *rest[before:]])


def _together(given: Sequence[tuple[int, TensorMeta]]) -> bool:
    """Whether the indexed dimensions follow each other; else they are brought to the front."""
    dims = [d for d, _ in given]
    return dims == [*range(dims[0], dims[-1] + 1)]


def _range_check(index: TensorMeta) -> list[Action]:
    """wrapIndexOnce: the least and the largest index, each compared with what there is."""
    compared: list[Action] = [alloc("out of range", 1), free("out of range")]
    return [
        alloc("largest", _INDEX), alloc("least", _INDEX),
        alloc("indices in a row", dense_copy(index)), free("indices in a row"),
        *compared, *compared, free("least"), free("largest"),
    ]  # fmt: skip


def _expanded(tensor: TensorMeta, shape: torch.Size) -> TensorMeta:
    """A tensor's layout where it is expanded to a shape that it can be broadcast to."""
    before = len(shape) - len(tensor.shape)
    sizes: tuple[Any, ...] = (*[1] * before, *tensor.shape)
    steps: tuple[int, ...] = (*[0] * before, *tensor.stride)
    stride = [
        step if size == wide else 0 for size, step, wide in zip(sizes, steps, shape, strict=True)
    ]
    return TensorMeta(shape, tuple(stride), tensor.dtype)


def _dense(shape: Any, dtype: torch.dtype) -> TensorMeta:
    return TensorMeta(shape, dense_strides(shape), dtype)
