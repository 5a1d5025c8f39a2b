"""Nested values (lists, dicts, registered classes) as torch walks them."""

from __future__ import annotations

from nincost._torch.names import missing

try:
    from torch.utils._pytree import tree_leaves, tree_map, tree_map_only
except ImportError as error:
    raise missing(
        "torch.utils._pytree.tree_leaves, tree_map or tree_map_only",
        "walk through a model's arguments",
    ) from error

__all__ = ["tree_leaves", "tree_map", "tree_map_only"]
