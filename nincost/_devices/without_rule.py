"""Operators that are known, or must be suspected, to take more than their outputs without a rule.

A prediction names them (`Memory.uncounted`), so that nothing is a silent zero.
"""

from __future__ import annotations

#: Of ATen on CUDA, by the library whose scratch it is: cuSOLVER and MAGMA, CUB, cuSPARSE, cuDNN.
#: By their names' beginnings, without overload.
_BEGINNINGS = (
    "aten.linalg_", "aten._linalg_", "aten.cholesky", "aten.geqrf", "aten.ormqr", "aten.lu_",
    "aten.triangular_solve", "aten.svd", "aten._unique", "aten.unique_",
    "aten.masked_select", "aten.nonzero", "aten.repeat_interleave", "aten.multinomial",
    "aten.randperm", "aten.mode", "aten.kthvalue", "aten.median", "aten.nanmedian", "aten.histc",
    "aten.bincount", "aten._cudnn_ctc", "aten._embedding_bag",
    "aten._grouped_mm", "aten._scaled_mm", "aten._scaled_grouped_mm", "aten._sparse_",
    "aten.segment_reduce", "aten._transformer_encoder_layer_fwd", "aten._native_multi_head",
    "aten.cudnn_", "aten._thnn_fused", "aten._cslt",
)  # fmt: skip

#: What begins so and allocates its outputs alone, or has a rule for what else it allocates.
_PLAIN = frozenset({
    "aten.linalg_vector_norm", "aten.linalg_cross", "aten.linalg_vecdot",
    "aten.histc",  # blocks count in shared memory: aten/src/ATen/native/cuda/SummaryOps.cu
})  # fmt: skip


def lacks_rule(name: str, device: str) -> bool:
    """Whether an operator without a rule is to be named: custom, or known to take scratch."""
    if device != "cuda":
        return False
    if not name.startswith(("aten.", "prims.", "profiler.")):
        return True
    return name.startswith(_BEGINNINGS) and name not in _PLAIN
