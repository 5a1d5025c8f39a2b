"""Gradients of embedding and of indexing, which sort their indices."""

from __future__ import annotations

import math

import torch

from nincost.footprint.libraries.radix_sort import radix_sort_bytes
from nincost.footprint.recording.memory_format import dense_copy, wide
from nincost.footprint.rules import Action, Call, drop, out, rule, take
from nincost.trace.records import TensorMeta

_INDEX = 8  # bytes of an int64


@rule(
    "cuda",
    "aten.embedding",
    source="aten/src/ATen/native/Embedding.cpp embedding_symint",
)
def embedding(call: Call) -> list[Action]:
    """Indices that cannot be seen as one row, such as expanded ones, are copied into one."""
    return [take("indices copy", flat_copy(call.args[1])), out(0)]


def flat_copy(tensor: TensorMeta) -> int:
    """Bytes of the copy that `reshape(-1)` makes: 0 where a view will do."""
    try:
        torch.empty_strided(tensor.shape, tensor.stride, device="meta").view(-1)
    except RuntimeError:
        return tensor.bytes
    return 0


@rule(
    "cuda",
    "aten.embedding_dense_backward",
    source="aten/src/ATen/native/cuda/Embedding.cu embedding_dense_backward_cuda; "
    "EmbeddingBackwardKernel.cu; CCCL 13.0 radix sort",
    kind="modelled",
)
def embedding_backward(call: Call) -> list[Action]:
    """Up to 3072 indices the gradient alone; from there on a sort and sums of segments.

    The number of distinct indices is data: it is taken as the most there can be. The fused branch
    of recent sources, which needs less, is not assumed.
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
    major = call.target.capability[0]
    return [
        *copies, take("sorted", each), take("order", each), take("range", each),
        take("sort", radix_sort_bytes(count, 64, major)), drop("sort"), drop("range"),
        take("counts", each if scaled else 0),
        out(0), take("offsets", each), take("number", 8),
        take("keys", each), drop("keys"),
        take("partials", segments * _INDEX), take("partial offsets", segments * _INDEX),
        take("partial starts", partial * _INDEX),
        take("sums", partial * width * wide(grad.dtype.itemsize)),
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
    count = math.prod(torch.broadcast_shapes(*(index.shape for index in given)))
    rows = max(base.shape[0], 2)
    sort = radix_sort_bytes(count, (rows - 1).bit_length(), call.target.capability[0])
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
