"""Gathering and scattering on CUDA; a gradient that accumulates sorts its indices."""

from __future__ import annotations

import math

from nincost._devices.declare import rule
from nincost._devices.in_place_formulas import SCATTER_IN_PLACE
from nincost._devices.libraries.radix_sort import radix_sort_bytes
from nincost._devices.memory_format import dense_copy
from nincost._devices.output_layouts import broadcast
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._trace.records import TensorMeta

_INDEX = 8  # bytes of an int64


@rule(
    "aten.scatter",
    "aten.scatter_add",
    source="torch/csrc/autograd/FunctionsManual.cpp value_selecting_reduction_backward",
)
def scatter(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node in SCATTER_IN_PLACE else None)]


@rule(
    "aten.index_add",
    source="aten/src/ATen/native/TensorAdvancedIndexing.cpp index_select_backward_symint",
)
def index_add(call: Call) -> list[Action]:
    return [out(0, over=0 if call.node == "IndexSelectBackward0" else None)]


@rule(
    "aten.index_put",
    "aten.index_put_",
    "aten._index_put_impl_",
    source="aten/src/ATen/native/cuda/Indexing.cu index_put_with_sort_kernel; "
    "torch/csrc/autograd/FunctionsManual.cpp index_backward",
)
def index_put(call: Call) -> list[Action]:
    """In a gradient it writes into the zeros it was given; accumulation sorts its indices."""
    over = 0 if call.node == "IndexBackward0" else None
    base, indices, values = call.args[:3]
    given = [index for index in indices if isinstance(index, TensorMeta)]
    if not call.arg(3, False) or not given:
        return [out(0, over=over)]
    count = math.prod(broadcast(*(index.shape for index in given)))
    behind = max(d for d, index in enumerate(indices) if isinstance(index, TensorMeta)) + 1
    slices = max(base.elements - 1, 0) // max(math.prod(base.shape[behind:]), 1)
    sort = radix_sort_bytes(count, max(slices.bit_length(), 1), call.target.capability[0])
    each = count * _INDEX
    linear: list[Action] = []
    for number in range(len(given)):
        linear += [alloc("remainder", each), alloc(f"linear {number}", each), free("remainder")]
    return [
        out(0, over=over), *linear,
        *(free(f"linear {number}") for number in range(1, len(given))),
        alloc("values copy", dense_copy(values)),
        alloc("sorted", each), alloc("order", each), alloc("range", each), alloc("sort", sort),
        free("sort"), free("range"), free("order"), free("sorted"),
        free("values copy"), free("linear 0"),
    ]  # fmt: skip
