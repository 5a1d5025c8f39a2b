"""Which modules FSDP shards each by itself."""

from __future__ import annotations

from torch import nn

from nincost._step.activation_checkpointing import matching, repeated_blocks
from nincost.errors import InputError, nearest


def wrapped(module: nn.Module, choice: str) -> list[nn.Module]:
    """The modules that FSDP shards each by itself.

    Raises:
        InputError: there are none; the message has the nearest names.
    """
    if choice == "none":
        return []
    found = repeated_blocks(module) if choice == "blocks" else matching(module, choice)
    if found:
        return found
    name = type(module).__name__
    if choice == "blocks":
        raise InputError(
            f"{name} has no repeated blocks for FSDP to shard: give fsdp_wrap none, or a pattern "
            "of module names, such as 'features.*'"
        )
    paths = [path for path, _ in module.named_modules() if path]
    close = nearest(choice, ["blocks", *paths])
    words = f"the nearest are {', '.join(close)}" if close else "choose blocks"
    raise InputError(
        f"no module of {name} matches fsdp_wrap {choice!r}: {words}, or give a pattern of dotted "
        "names such as 'model.layers.*'"
    )
