"""A module without some of its layers, so that what they take can be predicted."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from nincost._models.copies import copy_structure


def without_layers(module: nn.Module, names: Sequence[str]) -> nn.Module:
    """A copy of a module, on meta, without these layers and the activation function after each."""
    made = copy_structure(module)
    for name in names:
        parent, _, own = name.rpartition(".")
        block = made.get_submodule(parent)
        children = [child for child, _ in block.named_children()]
        setattr(block, own, nn.Identity())
        after = children.index(own) + 1
        if after < len(children) and isinstance(getattr(block, children[after]), nn.ReLU):
            setattr(block, children[after], nn.Identity())
    return made
