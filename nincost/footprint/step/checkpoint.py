"""Which parts of a model activation checkpointing computes again."""

from __future__ import annotations

from torch import nn


def top_level_blocks(module: nn.Module) -> list[nn.Module]:
    """The children that have children of their own, or all where none has.

    To compute a lone layer again saves nothing, and a lone in-place activation cannot be: it
    changes what the layer before it has saved.
    """
    children = list(module.children())
    blocks = [child for child in children if next(child.children(), None) is not None]
    return blocks or children
