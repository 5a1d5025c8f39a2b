"""Operators that touch some places of a tensor: look-ups, scatters, losses by class, sorts.

What they move follows from the places they touch, which an index counts, and not from the tensor
in which those lie; what is filled or copied beside that is a kernel of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch

from nincost._time.work.kinds import Work
from nincost._time.work.layouts import tensors, touched
from nincost._trace.records import Signature, TensorMeta

#: What a load of one element brings from memory.
_SECTOR = 32
#: Rows up to this length are sorted by one block each (SortUtils.cuh, should_use_small_sort).
_SMALL_SORT = 4096
#: Up to as many indices an embedding's gradient is added up unsorted (EmbeddingBackwardKernel.cu).
_UNSORTED = 3072
#: Kernels and memsets beside the passes of a sort, as an H100 ran them (benchmarks/data/h100).
_AROUND_SORT, _AROUND_SEGMENTS = 7, 16

Rule = Callable[[Signature], list[Work]]


def _work(moved: int, launches: int = 1, blocks: int = 0) -> Work:
    return Work("indexing", "float32", 0, moved, launches=launches, blocks=blocks)


def _fill(tensor: TensorMeta) -> Work:
    return Work("elementwise", "float32", 0, tensor.bytes)


def _look_up(signature: Signature) -> list[Work]:
    """`embedding`, `index`, `gather`, ...: as much is read of the first argument as is given."""
    given = tensors((*signature.args, *signature.kwargs.values()))
    written = sum(tensor.bytes for tensor in signature.outputs)
    return [_work(2 * written + sum(map(touched, given[1:])))]


def _bag(signature: Signature) -> list[Work]:
    """`_embedding_bag(weight, indices, offsets, ...)`: a row of the weight for each index."""
    weight, indices, offsets = signature.args[:3]
    rows = indices.elements * int(weight.shape[-1]) * weight.dtype.itemsize
    written = sum(tensor.bytes for tensor in signature.outputs)
    return [_work(rows + written + indices.bytes + offsets.bytes)]


def _sort_of(count: int, different: int) -> Work:
    """CUB's radix sort of `count` indices below `different`, with their places: 8 bits a pass."""
    passes = max(-(-max(different - 1, 1).bit_length() // 8), 1)
    return _work((2 * passes + 1) * 16 * count, launches=passes + _AROUND_SORT)


def _embedding_backward(signature: Signature) -> list[Work]:
    """The gradient of all rows is zeroed, then those that were looked up are added.

    Few indices: a block has 32 columns and all rows. Else they are sorted (on all 64 bits), parts
    of equal ones summed, and the parts' sums summed and written.
    """
    indices = signature.args[1]
    (made,) = signature.outputs
    rows = indices.elements * int(made.shape[-1]) * made.dtype.itemsize
    if indices.elements <= _UNSORTED and "bag" not in signature.name:
        blocks = -(-int(made.shape[-1]) // 32)
        return [_fill(made), _work(3 * rows, blocks=blocks)]
    summed = _work(rows + 3 * min(rows, made.bytes), launches=_AROUND_SEGMENTS)
    return [_fill(made), _sort_of(indices.elements, 1 << 63), summed]


def _put(signature: Signature) -> list[Work]:
    """`index_put(self, indices, values, accumulate)`: sorted first where values are added.

    A mask stands for as many dimensions as it has, and is taken to be true everywhere.
    """
    base, indices, values = signature.args[:3]
    found = tensors(indices)
    places = max((one.elements for one in found), default=1)
    each, at = 1, 0
    for index in indices:
        if index is None:
            each, at = each * base.shape[at], at + 1
        else:
            at += len(index.shape) if index.dtype is torch.bool else 1
    each *= prod(base.shape[at:])
    elements = max(places * each, values.elements)
    adds = len(signature.args) > 3 and signature.args[3] is True
    moved = touched(values) + (1 + adds) * elements * base.dtype.itemsize
    moved += sum(map(touched, found))
    works = _copied(signature, base)
    if adds:
        works.append(_sort_of(places, max(base.elements // max(each, 1), 2)))
    return [*works, _work(moved)]


def _scatter(signature: Signature) -> list[Work]:
    """`scatter(self, dim, index, source)`: an element of the source for each of the index."""
    base, _, index = signature.args[:3]
    adds = any(word in signature.name for word in ("add", "reduce"))
    sources = tensors(signature.args[3:4])
    elements = max([index.elements, *(t.elements for t in sources if "index_" in signature.name)])
    read = min(sum(map(touched, sources)), elements * base.dtype.itemsize)
    moved = read + index.bytes + (1 + adds) * elements * base.dtype.itemsize
    return [*_copied(signature, base), _work(moved)]


def _copied(signature: Signature, base: TensorMeta) -> list[Work]:
    """What is not written in place is copied first."""
    in_place = signature.name.endswith("_")
    return [] if in_place else [Work("copy", "float32", 0, 2 * base.bytes)]


def _class_loss(signature: Signature) -> list[Work]:
    """`nll_loss_forward(self, target, ...)`: one element of each row, by one block.

    aten/src/ATen/native/cuda/Loss.cu, nll_loss_forward_reduce_cuda_kernel_2d; of images
    (NLLLoss2d.cu) a block or more each.
    """
    scores, target = signature.args[:2]
    blocks = 1 if len(scores.shape) < 4 else int(scores.shape[0])
    moved = target.elements * (target.dtype.itemsize + _SECTOR)
    return [Work("reduction", "float32", 0, moved, blocks=blocks)]


def _class_loss_backward(signature: Signature) -> list[Work]:
    """`nll_loss_backward(grad, self, target, ...)`: zeros, and one element of each row."""
    _, scores, target = signature.args[:3]
    blocks = 1 if len(scores.shape) < 4 else int(scores.shape[0])
    moved = target.elements * (target.dtype.itemsize + _SECTOR)
    return [_fill(signature.outputs[0]), Work("reduction", "float32", 0, moved, blocks=blocks)]


def _sort(signature: Signature) -> list[Work]:
    """Short rows by a block each, in one go; long ones by radix passes over keys and places."""
    given = tensors(signature.args)[0]
    both = sum(tensor.bytes for tensor in signature.outputs)
    if not given.shape or max(given.shape) <= _SMALL_SORT:
        return [_work(2 * both, launches=2)]
    passes = given.dtype.itemsize
    return [_work((2 * passes + 1) * both, launches=passes + _AROUND_SORT)]


def _topk(signature: Signature) -> list[Work]:
    """A radix select reads all for each 8 bits; what is left is gathered and sorted."""
    given = tensors(signature.args)[0]
    written = sum(tensor.bytes for tensor in signature.outputs)
    return [_work((given.dtype.itemsize + 1) * touched(given) + 2 * written, launches=4)]


def _placed(signature: Signature) -> list[Work]:
    """`constant_pad_nd`, `slice_backward`: the result is filled, then what is given copied in."""
    given = tensors(signature.args)[0]
    return [_fill(signature.outputs[0]), Work("copy", "float32", 0, 2 * touched(given))]


def _replaced(signature: Signature) -> list[Work]:
    """`slice_scatter(self, source, ...)`: the first is copied, then the second into it."""
    base, source = signature.args[:2]
    return [Work("copy", "float32", 0, 2 * size) for size in (base.bytes, touched(source))]


def _each(rule: Rule, *names: str) -> dict[str, Any]:
    return {f"aten.{name}": rule for name in names}


#: By operator, what its kernels do.
PLACES: dict[str, Rule] = {
    **_each(_look_up, "embedding", "index", "gather", "index_select", "_unsafe_index", "take"),
    **_each(_bag, "_embedding_bag", "_embedding_bag_forward_only"),
    **_each(_embedding_backward, "embedding_dense_backward", "_embedding_bag_dense_backward"),
    **_each(_put, "index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put"),
    **_each(_scatter, "scatter", "scatter_", "scatter_add", "scatter_add_", "index_add",
            "index_add_", "index_copy", "index_copy_"),
    **_each(_class_loss, "nll_loss_forward", "nll_loss2d_forward"),
    **_each(_class_loss_backward, "nll_loss_backward", "nll_loss2d_backward"),
    **_each(_sort, "sort"),
    **_each(_topk, "topk"),
    **_each(_placed, "constant_pad_nd", "slice_backward", "select_backward", "diagonal_backward"),
    **_each(_replaced, "slice_scatter", "select_scatter"),
}  # fmt: skip
