"""Batch norm's kernels: cuDNN's, or ATen's own; few blocks where channels are few."""

from __future__ import annotations

import torch

from nincost._devices.memory_format import suggests_channels_last
from nincost._time.work.kinds import Family, Work
from nincost._time.work.layouts import tensors, touched
from nincost._trace.records import Signature

BATCH_NORMS = frozenset({
    "aten.native_batch_norm", "aten.cudnn_batch_norm", "aten._native_batch_norm_legit",
    "aten._batch_norm_with_update", "aten.native_batch_norm_backward",
    "aten.cudnn_batch_norm_backward", "aten.batch_norm_backward",
})  # fmt: skip


def batch_norm(signature: Signature, *, backward: bool) -> list[Work]:
    """Large inputs are read twice: for the sums, then with them.

    Channels outside: one block works on a channel, in cuDNN's kernels (bn_fw_tr_1C11, bn_bw_1C11)
    as in ATen's (aten/src/ATen/native/cuda/Normalization.cuh, batch_norm_collect_statistics and
    batch_norm_backward: `dim3 blocks(input.size(1))`), which run bfloat16. With running statistics
    it is element-wise.
    """
    given = tensors(signature.args)
    x = max(given, key=lambda tensor: tensor.elements)
    trains = any(value is True for value in signature.args)
    reads = 2 if trains or backward else 1
    read = sum(touched(t) * (reads if t.elements == x.elements else 1) for t in given)
    moved = read + sum(tensor.bytes for tensor in signature.outputs)
    if not trains and not backward:
        return [Work("elementwise", "float32", 0, moved)]
    native = x.dtype is torch.bfloat16
    family: Family = "native-batch-norm" if native else "batch-norm"
    if backward:
        family = "native-batch-norm-backward" if native else "batch-norm-backward"
    blocks = 0 if suggests_channels_last(x) else int(x.shape[1])
    return [Work(family, "float32", 0, moved, launches=2 if native else 1, blocks=blocks)]
