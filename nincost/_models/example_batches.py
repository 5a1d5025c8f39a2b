"""The user's example tensors at another batch: rows are repeated, or left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor

from nincost._models.inputs import tensors_in
from nincost._torch.trees import tree_map
from nincost.errors import InputError


def batch_of(given: Any) -> int:
    """The batch of example tensors: the first size that most of them have.

    Raises:
        InputError: none has a size.
    """
    sizes = Counter(tensor.shape[0] for tensor in tensors_in(given) if tensor.dim())
    if not sizes:
        raise InputError(
            "the example tensors have no dimension that could be the batch: give one with the "
            "batch in front, or a spec without it, such as 3x224x224"
        )
    return sizes.most_common(1)[0][0]


def at_batch(given: Any, batch: int) -> Any:
    """The same arguments with `batch` rows in each tensor that has the batch in front.

    Whole numbers keep their values, row after row from the first again; those of floats do not
    count, and they are on the meta device.
    """
    size = batch_of(given)

    def resized(tensor: Any) -> Any:
        if not isinstance(tensor, Tensor) or not tensor.dim() or tensor.shape[0] != size:
            return tensor
        if tensor.is_floating_point() or tensor.is_meta:
            return torch.empty((batch, *tensor.shape[1:]), dtype=tensor.dtype, device="meta")
        return tensor[torch.arange(batch, device=tensor.device) % size]

    return tree_map(resized, given)
