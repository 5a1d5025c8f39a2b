"""Tensors that a model's own `_apply` moves with it: plain attributes, such as YOLO's strides."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nincost._torch.modules import applies_by_itself, convert_tensors
from nincost._trace.values.follow import Values


def move_attributes(
    module: nn.Module, place: Callable[[Tensor], None], values: Values | None
) -> None:
    """Put what is neither parameter nor buffer where `.to(device)` puts it, too.

    Args:
        module: on meta, with its parameters and buffers placed.
        place: gets each tensor that is moved, as it is on the device.
        values: learns what these hold.
    """
    known = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}

    def move(tensor: Tensor) -> Tensor:
        if id(tensor) in known:
            return tensor
        moved = tensor
        if not tensor.is_meta:
            moved = torch.empty_like(tensor, device="meta")
            if values is not None:
                values.follow_copy(tensor, moved)
        place(moved)
        return moved

    def visit(part: nn.Module) -> None:
        if applies_by_itself(part):  # its children's are called by it
            convert_tensors(part, move)
            return
        for child in part.children():
            visit(child)

    visit(module)
