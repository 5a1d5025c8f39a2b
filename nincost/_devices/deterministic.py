"""What `torch.use_deterministic_algorithms` changes on CUDA beside what rules ask it for.

Rules and substitutes of operators that then take another path look at `Settings.deterministic`
themselves. Here are the operators that stop, those whose other path has no rule, and what it takes
to fill memory that is new.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from nincost._devices.rules import Action, alloc, free
from nincost._devices.target import Target

#: Without a deterministic kernel: they raise RuntimeError, or run as ever where torch only warns
#: (`globalContext().alertNotDeterministic` in aten/src/ATen/native/cuda and Loss.cpp).
_REFUSED = frozenset(
    {
        "aten._adaptive_avg_pool2d_backward", "aten._adaptive_avg_pool3d_backward",
        "aten._ctc_loss_backward", "aten._upsample_bicubic2d_aa_backward",
        "aten._upsample_bilinear2d_aa_backward", "aten.adaptive_max_pool2d_backward",
        "aten.avg_pool3d_backward", "aten.fractional_max_pool2d_backward",
        "aten.fractional_max_pool3d_backward", "aten.grid_sampler_2d_backward",
        "aten.grid_sampler_3d_backward", "aten.index_reduce", "aten.index_reduce_",
        "aten.max_pool3d_with_indices_backward", "aten.max_unpool2d", "aten.max_unpool3d",
        "aten.median", "aten.nll_loss2d_forward", "aten.put", "aten.put_",
        "aten.reflection_pad1d_backward", "aten.reflection_pad3d_backward",
        "aten.upsample_bicubic2d_backward", "aten.upsample_linear1d_backward",
    }
)  # fmt: skip

#: With a deterministic path that has no rule: what torch.nn.functional.max_pool3d_with_indices does
#: in Python.
_WITHOUT_RULE = frozenset({"aten.max_pool3d_with_indices"})

#: Their output gets its size only after it was made.
_SIZED_LATER = frozenset(
    {
        "aten._adaptive_avg_pool2d", "aten._prelu_kernel_backward", "aten.abs", "aten.addbmm",
        "aten.arange", "aten.bucketize", "aten.embedding", "aten.glu_backward",
        "aten.index_select", "aten.logsumexp", "aten.max_pool3d_with_indices",
        "aten.reflection_pad2d", "aten.searchsorted", "aten.std", "aten.std_mean", "aten.var",
        "aten.var_mean", "aten.where",
    }
)  # fmt: skip


def filling(target: Target, dtype: torch.dtype) -> list[Action]:
    """What filling a new tensor takes where ATen gives it its size only after it was made.

    A view on its memory is made first, by way of a tensor of one element
    (aten/src/ATen/native/Resize.h fill_resize_deterministic_).
    """
    if not target.settings.deterministic:
        return []
    return [alloc("element", dtype.itemsize), free("element")]


def refused(names: Iterable[str], target: Target) -> tuple[str, ...]:
    """Which operators would raise, with these settings."""
    raises = target.device == "cuda" and target.settings.refuses_nondeterministic
    return tuple(sorted(_REFUSED.intersection(names))) if raises else ()


def without_rule(names: Iterable[str], target: Target) -> frozenset[str]:
    """Which operators take a path that no rule describes, with these settings."""
    on_cuda = target.device == "cuda" and target.settings.deterministic
    return _WITHOUT_RULE.intersection(names) if on_cuda else frozenset()


def sized_later(target: Target) -> frozenset[str]:
    """The operators whose outputs are filled by way of one element, with these settings."""
    on_cuda = target.device == "cuda"
    return _SIZED_LATER if on_cuda and target.settings.deterministic else frozenset()
