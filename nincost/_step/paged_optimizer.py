"""bitsandbytes' paged optimizers on meta: large state lies beside PyTorch's allocator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from nincost._torch.operators import without_dispatch

#: Elements from which on a parameter's state is paged (`Optimizer8bit.get_state_buffer`).
_SMALLEST = 100_000


def page_on_meta(optimizer: torch.optim.Optimizer) -> None:
    """Have a paged optimizer make its large state where nobody records it.

    CUDA's managed memory is none of PyTorch's allocator. Other optimizers stay as they are.
    """
    paged: Any = optimizer
    if not getattr(paged, "is_paged", False) or not hasattr(paged, "get_state_buffer"):
        return
    make = paged.get_state_buffer

    def get_state_buffer(parameter: nn.Parameter, dtype: torch.dtype = torch.float32) -> Tensor:
        if parameter.numel() < _SMALLEST:
            return make(parameter, dtype)  # type: ignore[no-any-return]
        with without_dispatch():
            buffer: Any = torch.empty(parameter.shape, dtype=dtype, device="meta")
        buffer.is_paged = True
        return buffer  # type: ignore[no-any-return]

    paged.get_state_buffer = get_state_buffer
    paged.prefetch_state = lambda _: None


def paged_bytes(state: Iterable[Tensor]) -> int:
    """Bytes of the tensors among an optimizer's state that are paged."""
    return sum(tensor.nbytes for tensor in state if getattr(tensor, "is_paged", False))
