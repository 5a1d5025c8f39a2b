"""New tensors like others, on meta."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nincost._devices.declare import layout
from nincost._devices.output_layouts import all_plain, row_major_like
from nincost._trace.meta_operators import Layouts


@layout("aten.ones_like.default", "aten.zeros_like.default", "aten.empty_like.default")
def ones_like(x: Tensor, **options: Any) -> Layouts | None:
    plain = (None, torch.preserve_format, torch.contiguous_format)
    changed = options.get("memory_format") not in plain or any(
        options.get(name) is not None for name in ("dtype", "layout", "device")
    )
    return row_major_like(x) if not changed and all_plain(x) else None
