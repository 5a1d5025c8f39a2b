"""Which parts of a model activation checkpointing computes again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from torch import nn

from nincost._torch.updates import import_compiler


def top_level_blocks(module: nn.Module) -> list[nn.Module]:
    """The children that have children of their own, or all where none has.

    To compute a lone layer again saves nothing, and a lone in-place activation cannot be: it
    changes what the layer before it has saved.
    """
    children = list(module.children())
    blocks = [child for child in children if next(child.children(), None) is not None]
    return blocks or children


def checkpoint_blocks(
    module: nn.Module,
    again_in: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
) -> None:
    """Let each top-level block of a module of ours be computed again in backward, in `again_in`.

    From a meta tensor torch cannot see which autocast forward had, and backward stands outside.
    """
    # checkpoint imports the compiler in the first block's call, where a traceback that is kept in
    # there would hold the frames on the stack, and so that block's input, for good.
    import_compiler()
    from torch.utils.checkpoint import checkpoint

    def contexts() -> tuple[Any, Any]:
        return contextlib.nullcontext(), again_in()

    for child in top_level_blocks(module):
        forward = child.forward

        def again(*args: Any, _forward: Any = forward, **kwargs: Any) -> Any:
            return checkpoint(_forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)

        child.__dict__["forward"] = again
