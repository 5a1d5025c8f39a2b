"""New tensors like others, on CUDA."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import layout
from nincost._devices.output_layouts import dense_like
from nincost._trace.meta_operators import Layouts


@layout("aten.ones_like.default", "aten.zeros_like.default", "aten.empty_like.default")
def like(x: Tensor, **options: Any) -> Layouts | None:
    """As a tensor of any type and order lies, where no option asks for another."""
    plain = {"pin_memory": False, "memory_format": torch.preserve_format}
    same = all(plain.get(name) == value or value is None for name, value in options.items())
    plain_tensor = x.is_meta and x.layout is torch.strided
    return (dense_like(x),) if same and plain_tensor else None
