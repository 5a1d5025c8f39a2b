"""From an operator's signature to the work of its kernels on CUDA."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nincost._devices.target import Target
from nincost._profile.registry import OpCost, op_cost
from nincost._time.work.batch_norm import BATCH_NORMS, batch_norm
from nincost._time.work.contractions import (
    ATTENTION,
    attention,
    convolution,
    convolution_backward,
    matrix_product,
    precision_of,
)
from nincost._time.work.indexing import PLACES
from nincost._time.work.instructions import issued
from nincost._time.work.kinds import Family, Work
from nincost._time.work.layouts import is_transposed, tensors, touched
from nincost._trace.records import Signature, TensorMeta

_PRODUCTS = frozenset(
    {"aten.mm", "aten.addmm", "aten._addmm_activation", "aten.bmm", "aten.baddbmm"}
)

#: Operators that make a tensor or look at one, and run no kernel.
_NO_KERNEL = frozenset({
    "aten.empty", "aten.empty_like", "aten.empty_permuted", "aten.empty_strided", "aten.new_empty",
    "aten.new_empty_strided", "aten.lift_fresh", "aten.detach", "aten.detach_",
    "aten._local_scalar_dense", "profiler._record_function_enter_new",
    "profiler._record_function_exit", "aten.resize_", "aten.set_", "aten.record_stream",
})  # fmt: skip

#: Operators that only write their output.
_FILLS = frozenset({
    "aten.zeros", "aten.zeros_like", "aten.ones", "aten.ones_like", "aten.full", "aten.full_like",
    "aten.new_zeros", "aten.new_ones", "aten.new_full", "aten.zero_", "aten.fill_", "aten.zero",
    "aten.fill", "aten.arange", "aten.bernoulli_", "aten.uniform_", "aten.normal_", "aten.rand",
    "aten.randn", "aten.rand_like", "aten.randn_like", "aten.scalar_tensor", "aten.exponential_",
})  # fmt: skip

#: How often a normalization reads its large inputs, where that is more than once: statistics first,
#: then the values; for layer norm's backward, the sums over rows in a second kernel.
_READS: dict[str, tuple[Family, int, int]] = {  # family, reads of each large input, kernels
    "aten.native_layer_norm": ("norm", 1, 1),
    "aten._fused_rms_norm": ("norm", 1, 1),
    "aten.native_group_norm": ("norm", 2, 2),
    "aten.native_layer_norm_backward": ("norm-backward", 2, 2),
    "aten._fused_rms_norm_backward": ("norm-backward", 2, 2),
    "aten.native_group_norm_backward": ("norm-backward", 2, 3),
}

_FAMILIES: dict[str, Family] = {
    "aten._softmax": "softmax", "aten._log_softmax": "softmax",
    "aten._softmax_backward_data": "softmax", "aten._log_softmax_backward_data": "softmax",
    "aten.clone": "copy", "aten._to_copy": "copy", "aten.copy_": "copy", "aten.cat": "copy",
    "aten.stack": "copy", "aten.roll": "copy", "aten.flip": "copy", "aten.repeat": "copy",
}  # fmt: skip

#: Pooling of windows, and of places when an image is resized, forward and backward.
_POOLS = re.compile(r"aten\._?((adaptive_)?(avg|max)_pool\dd|upsample_\w+\dd)")

#: Rows of a layer norm from which its weight's gradient is summed in parts.
_SPLIT_ROWS = 65536

#: Tensors that fit one launch, by how many lists a kernel takes, chunks of 65,536 elements, and how
#: many blocks a launch has (aten/src/ATen/native/cuda/MultiTensorApply.cuh).
_TENSORS_A_LAUNCH = {1: 110, 2: 64, 3: 48, 4: 36, 5: 30}
_CHUNK, _CHUNKS_A_LAUNCH = 65536, 320


def works_of(signature: Signature, target: Target) -> list[Work]:
    """What the operator's kernels do, in order; nothing for one that runs none.

    An operator without a rule of its own reads and writes its tensors once (`Work.guessed` where
    nothing is known of it but that).
    """
    name = signature.name
    if signature.is_view or signature.on_host or name in _NO_KERNEL:
        return []
    if name in _PRODUCTS:
        return matrix_product(signature)
    if name == "aten.convolution":
        return convolution(signature, target)
    if name == "aten.convolution_backward":
        return convolution_backward(signature, target)
    if name in ATTENTION:
        return attention(signature)
    if "_foreach_" in name or ("._fused_" in name and isinstance(signature.args[0], tuple)):
        return _lists(signature)
    if name in BATCH_NORMS:
        return batch_norm(signature, backward=name.endswith("_backward"))
    if name in _READS:
        return _normalization(signature, *_READS[name])
    if name in PLACES:
        return PLACES[name](signature)
    return _plain(signature)


def _lists(signature: Signature) -> list[Work]:
    """`foreach` and fused optimizers: all lists are read, the first or the result written.

    `_foreach_copy_` and `_foreach_zero_` do not read the first; a norm is a number a tensor.
    """
    lists = [tensors(value) for value in signature.args if isinstance(value, tuple)]
    lists = [one for one in lists if one]
    if not lists:
        return []
    read = sum(tensor.bytes for one in lists for tensor in one)
    if signature.name in ("aten._foreach_copy_", "aten._foreach_zero_"):
        read -= sum(tensor.bytes for tensor in lists[0])
    written: Sequence[TensorMeta] = signature.outputs or lists[0]
    if "._fused_" in signature.name:  # parameters and states; gradients, the second, are only read
        written = [tensor for at, one in enumerate(lists) if at != 1 for tensor in one]
    depth = min(len(lists) + (bool(signature.outputs)), 5)
    chunks = sum(-(-tensor.elements // _CHUNK) for tensor in lists[0])
    launches = max(-(-len(lists[0]) // _TENSORS_A_LAUNCH[depth]), -(-chunks // _CHUNKS_A_LAUNCH), 1)
    moved = read + sum(tensor.bytes for tensor in written)
    return [Work("optimizer", "float32", 0, moved, launches=launches)]


def _normalization(signature: Signature, family: Family, reads: int, kernels: int) -> list[Work]:
    """A block of 128 threads a row (layer_norm_kernel.cu), or a group.

    The gradients of weight and bias are sums over all rows: blocks of 32 columns each, unless rows
    are so many that they are split, too (GammaBetaBackwardCUDAKernelTemplate).
    """
    given = tensors(signature.args)
    largest = max((tensor.elements for tensor in given), default=0)
    x = next(tensor for tensor in given if tensor.elements == largest)
    written = sum(tensor.bytes for tensor in signature.outputs)
    read = sum(touched(t) * (reads if t.elements == largest else 1) for t in given)
    if "group" in signature.name or not x.shape:
        return [Work(family, "float32", 0, read + written, launches=kernels)]
    rows = x.elements // max(int(x.shape[-1]), 1)
    threads = 128 * rows
    once = sum(map(touched, given)) + written
    works = [Work(family, "float32", 0, once, instructions="rows", units=threads)]
    if kernels > 1:
        blocks = -(-int(x.shape[-1]) // 32) if rows < _SPLIT_ROWS else 0
        works.append(Work(family, "float32", 0, 2 * x.bytes, blocks=blocks))
    return works


def _plain(signature: Signature) -> list[Work]:
    """All that waits for memory."""
    name, outputs = signature.name, signature.outputs
    given = tensors((*signature.args, *signature.kwargs.values()))
    if not given and not outputs:
        return []
    written = sum(tensor.bytes for tensor in outputs)
    if not outputs and name.endswith("_"):  # an operator in place that gives nothing back
        written = touched(given[0]) if given else 0
    base = name.removesuffix("_")
    if name in _FILLS:
        return [Work("elementwise", "float32", 0, written or sum(map(touched, given[:1])))]
    read = sum(map(touched, given))
    if name == "aten.copy_":  # what is overwritten is not read
        read -= touched(given[0])
    before = []
    if name == "aten.max_pool2d_with_indices_backward":
        read -= touched(signature.args[1])  # of its input it needs the shape alone
        before = [Work("elementwise", "float32", 0, written)]  # zeros, to which it adds
    cost = _counted(signature)
    if cost.macs:
        family: Family = "recurrent" if "rnn" in name else "matmul"
        precision = precision_of(given[0].dtype)
        return [Work(family, precision, 2 * cost.macs, read + written, guessed=True)]
    known = _FAMILIES.get(name) or _FAMILIES.get(base)
    if _POOLS.match(name):
        known = "pooling-backward" if "backward" in name else "pooling"
    family = known or _by_shape(given, outputs)
    if family in ("copy", "elementwise") and outputs and _turns(given, outputs[0]):
        family = "transpose"
    work = Work(family, "float32", 0, read + written, guessed=not (known or cost.counted))
    instructions, units = issued(signature, family, given)
    return [*before, work._replace(instructions=instructions, units=units)]


def _counted(signature: Signature) -> OpCost:
    """What `profile` counts of an operator; nothing where its formula takes other arguments."""
    try:
        return op_cost(signature)
    except (AttributeError, IndexError, TypeError, ValueError):
        return OpCost(0, 0, counted=False)


def _by_shape(given: list[TensorMeta], outputs: tuple[TensorMeta, ...]) -> Family:
    """A reduction gives much less than it reads."""
    most = max((t.elements for t in given), default=0)
    made = max((t.elements for t in outputs), default=most)
    return "reduction" if made * 4 <= most else "elementwise"


def _turns(given: list[TensorMeta], made: TensorMeta) -> bool:
    """Whether a large input lies in memory in another order than the result."""
    return any(t.elements == made.elements and is_transposed(t, made) for t in given)
