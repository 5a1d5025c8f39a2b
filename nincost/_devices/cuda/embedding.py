"""Embeddings on CUDA, and their gradient, which sorts the indices."""

from __future__ import annotations

from nincost._devices.cuda.reductions import accumulator_bytes
from nincost._devices.declare import rule
from nincost._devices.libraries.radix_sort import radix_sort_bytes, scan_bytes
from nincost._devices.memory_format import dense_copy, flat_copy
from nincost._devices.rules import Action, Call, alloc, free, out

_INDEX = 8  # bytes of an int64

#: Elements of a tile of CUB's unique_by_key and of its scan of int64.
_UNIQUE_TILE, _SCAN_TILE = 4_992, 896


@rule(
    "aten.embedding",
    source="aten/src/ATen/native/Embedding.cpp embedding_symint",
)
def embedding(call: Call) -> list[Action]:
    """Indices that cannot be seen as one row, such as expanded ones, are copied into one."""
    return [alloc("indices copy", flat_copy(call.args[1])), out(0)]


@rule(
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
        alloc("indices copy", dense_copy(indices)), alloc("gradient copy", dense_copy(grad)),
    ]  # fmt: skip
    if count <= 3072 and not scaled:
        return [*copies, out(0), free("gradient copy"), free("indices copy")]
    width = call.outputs[0].shape[1]
    segments = min(count, rows)
    partial = count // 10 + segments
    each = count * _INDEX
    bits = int(rows).bit_length()
    # Rows that are few for the card, with many indices each, are summed in the gradient itself.
    fused = segments < 4 * call.target.multiprocessors and count > 30 * segments
    sums = partial * (_INDEX if fused else width * accumulator_bytes(grad.dtype.itemsize))
    in_float = rows * width * 4 if fused and grad.dtype.itemsize == 2 else 0
    last = (
        "partial starts", "number of partials", "partial offsets", "partials", "number", "offsets",
        "counts", "order", "sorted", "gradient copy", "indices copy",
    )  # fmt: skip
    return [
        *copies, alloc("sorted", each), alloc("order", each), alloc("range", each),
        alloc("sort", radix_sort_bytes(count, bits, call.target.capability[0])), free("sort"),
        free("range"), alloc("counts", each if scaled else 0),
        out(0), alloc("offsets", each), alloc("number", 8),
        alloc("keys", each), alloc("tiles", scan_bytes(count, _UNIQUE_TILE, 8)), free("tiles"),
        free("keys"),
        alloc("partials", segments * _INDEX), alloc("partial offsets", segments * _INDEX),
        alloc("tiles", scan_bytes(segments, _SCAN_TILE, 8)), free("tiles"),
        alloc("number of partials", 8), alloc("partial starts", partial * _INDEX),
        alloc("sums", sums), alloc("float gradient", in_float), free("float gradient"),
        free("sums"), *map(free, last),
    ]  # fmt: skip
