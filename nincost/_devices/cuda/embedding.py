"""Gradients of embedding and of indexing, which sort their indices."""

from __future__ import annotations

import math

from nincost._devices.libraries.radix_sort import radix_sort_bytes, scan_bytes
from nincost._devices.memory_format import broadcast, dense_copy, flat_copy, wide
from nincost._devices.rules import Action, Call, drop, out, rule, take
from nincost._trace.records import TensorMeta

_INDEX = 8  # bytes of an int64

#: Elements of a tile of CUB's unique_by_key and of its scan of int64.
_UNIQUE_TILE, _SCAN_TILE = 4_992, 896


@rule(
    "cuda",
    "aten.embedding",
    source="aten/src/ATen/native/Embedding.cpp embedding_symint",
)
def embedding(call: Call) -> list[Action]:
    """Indices that cannot be seen as one row, such as expanded ones, are copied into one."""
    return [take("indices copy", flat_copy(call.args[1])), out(0)]


@rule(
    "cuda",
    "aten.embedding_dense_backward",
    source="aten/src/ATen/native/cuda/Embedding.cu embedding_dense_backward_cuda; "
    "EmbeddingBackwardKernel.cu; CCCL 13.0 radix sort",
    kind="modelled",
)
def embedding_backward(call: Call) -> list[Action]:
    """Up to 3072 indices the gradient alone; from there on a sort and sums of segments.

    The number of distinct indices is data: it is taken as the most there can be.
    """
    grad, indices, rows = call.args[:3]
    count = indices.elements
    scaled = call.arg(4, False)
    copies = [
        take("indices copy", dense_copy(indices)), take("gradient copy", dense_copy(grad)),
    ]  # fmt: skip
    if count <= 3072 and not scaled:
        return [*copies, out(0), drop("gradient copy"), drop("indices copy")]
    width = call.outputs[0].shape[1]
    segments = min(count, rows)
    partial = count // 10 + segments
    each = count * _INDEX
    bits = int(rows).bit_length()
    # Rows that are few for the card, with many indices each, are summed in the gradient itself.
    fused = segments < 4 * call.target.multiprocessors and count > 30 * segments
    sums = partial * (_INDEX if fused else width * wide(grad.dtype.itemsize))
    in_float = rows * width * 4 if fused and grad.dtype.itemsize == 2 else 0
    last = (
        "partial starts", "number of partials", "partial offsets", "partials", "number", "offsets",
        "counts", "order", "sorted", "gradient copy", "indices copy",
    )  # fmt: skip
    return [
        *copies, take("sorted", each), take("order", each), take("range", each),
        take("sort", radix_sort_bytes(count, bits, call.target.capability[0])), drop("sort"),
        drop("range"), take("counts", each if scaled else 0),
        out(0), take("offsets", each), take("number", 8),
        take("keys", each), take("tiles", scan_bytes(count, _UNIQUE_TILE, 8)), drop("tiles"),
        drop("keys"),
        take("partials", segments * _INDEX), take("partial offsets", segments * _INDEX),
        take("tiles", scan_bytes(segments, _SCAN_TILE, 8)), drop("tiles"),
        take("number of partials", 8), take("partial starts", partial * _INDEX),
        take("sums", sums), take("float gradient", in_float), drop("float gradient"),
        drop("sums"), *map(drop, last),
    ]  # fmt: skip


@rule(
    "cuda",
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
        linear += [take("remainder", each), take(f"linear {number}", each), drop("remainder")]
    return [
        out(0, over=over), *linear,
        *(drop(f"linear {number}") for number in range(1, len(given))),
        take("values copy", dense_copy(values)),
        take("sorted", each), take("order", each), take("range", each), take("sort", sort),
        drop("sort"), drop("range"), drop("order"), drop("sorted"),
        drop("values copy"), drop("linear 0"),
    ]  # fmt: skip
