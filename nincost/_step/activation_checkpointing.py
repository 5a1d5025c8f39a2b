"""Which parts of a model activation checkpointing computes again, and how they are wrapped."""

from __future__ import annotations

import fnmatch
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from nincost._step.option_checks import CHECKPOINTED
from nincost._torch.updates import import_compiler
from nincost.errors import InputError, nearest

#: The choices that are of a model's repeated blocks.
REPEATED = ("blocks", "every-second", "selective")

#: What `selective` keeps, as in the examples of `create_selective_checkpoint_contexts`: operators
#: that take more time than memory.
_KEPT = (
    "mm", "addmm", "bmm", "baddbmm", "_scaled_mm", "_grouped_mm", "convolution",
    "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention", "_scaled_dot_product_flash_attention_for_cpu",
)  # fmt: skip


def chosen_blocks(module: nn.Module, choice: str) -> list[nn.Module]:
    """The modules that `choice` names, each once, none inside another.

    Args:
        module: the model.
        choice: one of `CHECKPOINTED`, or a pattern as in `matching`.

    Raises:
        InputError: there are none; the message has the nearest names.
    """
    if choice in ("none", "own"):
        return []
    if choice == "top-level":
        return top_level_blocks(module)
    if choice in REPEATED:
        found = repeated_blocks(module)
        if not found:
            raise InputError(
                f"{type(module).__name__} has no repeated blocks (no nn.ModuleList or "
                "nn.Sequential of modules of one class): choose top-level for "
                "activation_checkpointing, or a pattern of module names such as 'encoder.*'"
            )
        return found[1::2] if choice == "every-second" else found
    found = matching(module, choice)
    if not found:
        paths = [path for path, _ in module.named_modules() if path]
        close = nearest(choice, [*CHECKPOINTED, *paths])
        try_ = f"the nearest are {', '.join(close)}" if close else "choose top-level or blocks"
        raise InputError(
            f"no module of {type(module).__name__} matches activation_checkpointing {choice!r}: "
            f"{try_}, or give a pattern of dotted names such as 'encoder.layers.*'"
        )
    return found


def top_level_blocks(module: nn.Module) -> list[nn.Module]:
    """The children that have children of their own, or all where none has.

    To compute a lone layer again saves nothing, and a lone in-place activation cannot be: it
    changes what the layer before it has saved.
    """
    children = list(module.children())
    blocks = [child for child in children if next(child.children(), None) is not None]
    return blocks or children


def repeated_blocks(module: nn.Module) -> list[nn.Module]:
    """The blocks that a model is a stack of, such as a transformer's layers.

    Where most of what an `nn.ModuleList` or `nn.Sequential` holds is of one class, and has children
    of its own, these modules are blocks; where a model has none, `nn.Sequential`s that hold single
    layers only, such as Network in Network's. What lies inside a block is no other one.
    """
    for is_block in (_is_block, _is_run_of_layers):
        found = {id(child): child for child in _blocks_in(module, is_block)}
        if found:
            return list(found.values())
    return []


def _blocks_in(module: nn.Module, is_block: Callable[[nn.Module], bool]) -> Iterator[nn.Module]:
    children = [child for child in module._modules.values() if child is not None]
    kinds = Counter(type(child) for child in children if is_block(child))
    kind, count = kinds.most_common(1)[0] if kinds else (None, 0)
    repeats = _is_list(module) and count > 1 and count > len(children) / 2
    for child in children:
        if repeats and type(child) is kind and is_block(child):
            yield child
        else:
            yield from _blocks_in(child, is_block)


def _is_list(module: nn.Module) -> bool:
    """Whether it only calls what it holds, one after the other, or not even that."""
    sequential = isinstance(module, nn.Sequential)
    return isinstance(module, nn.ModuleList) or (
        sequential and type(module).forward is nn.Sequential.forward
    )


def _is_block(module: nn.Module) -> bool:
    return not _is_list(module) and next(module.children(), None) is not None


def _is_run_of_layers(module: nn.Module) -> bool:
    children = list(module.children())
    single = all(next(child.children(), None) is None for child in children)
    return type(module) is nn.Sequential and len(children) > 1 and single


def matching(module: nn.Module, pattern: str) -> list[nn.Module]:
    """The modules whose dotted path matches, `*` for any one name and `**` for any number of them.

    `encoder.layers.*` is each layer, without what lies in it.
    """
    wanted = pattern.split(".")
    found: list[nn.Module] = []
    inside = ""
    for path, inner in module.named_modules():
        if path and not (inside and path.startswith(inside)) and _matches(path.split("."), wanted):
            found.append(inner)
            inside = f"{path}."
    return found


def _matches(names: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return not names
    if wanted[0] == "**":
        return any(_matches(names[skipped:], wanted[1:]) for skipped in range(len(names) + 1))
    if not names or not fnmatch.fnmatchcase(names[0], wanted[0]):
        return False
    return _matches(names[1:], wanted[1:])


def checkpoint_blocks(module: nn.Module, choice: str) -> None:
    """Let the blocks that `choice` names be computed again in backward.

    As `torch.utils.checkpoint.checkpoint(block, ..., use_reentrant=False)` does, for `selective`
    with the contexts of `create_selective_checkpoint_contexts`; `module` is ours to change. A block
    is called without the cache of keys and values that transformers' models make by default, as
    their own checkpointing calls it: when it is computed again, it would add its keys to them a
    second time, and keep what led to them.

    Raises:
        InputError: as `chosen_blocks`.
    """
    blocks = chosen_blocks(module, choice)
    if not blocks:
        return
    # checkpoint imports the compiler in the first block's call, where a traceback that is kept in
    # there would hold the frames on the stack, and so that block's input, for good.
    import_compiler()
    from torch.utils.checkpoint import checkpoint

    contexts: dict[str, Any] = {"context_fn": _keeping_results()} if choice == "selective" else {}
    for block in blocks:
        forward = block.forward

        def again(*args: Any, _forward: Any = forward, **kwargs: Any) -> Any:
            args = tuple(map(_without_cache, args))
            kwargs = {name: _without_cache(value) for name, value in kwargs.items()}
            if "use_cache" in kwargs:
                kwargs["use_cache"] = False
            return checkpoint(_forward, *args, use_reentrant=False, **contexts, **kwargs)

        block.__dict__["forward"] = again


def _keeping_results() -> Callable[[], Any]:
    """Makes contexts of a block's two forward passes: `_KEPT` run in the first alone."""
    from torch.utils.checkpoint import create_selective_checkpoint_contexts

    aten = torch.ops.aten
    kept = [getattr(aten, name).default for name in _KEPT if hasattr(aten, name)]
    return functools.partial(create_selective_checkpoint_contexts, kept)


def _without_cache(value: Any) -> Any:
    """An argument of a block, None in the place of transformers' cache of keys and values."""
    known = sys.modules.get("transformers.cache_utils")
    return None if known is not None and isinstance(value, known.Cache) else value
