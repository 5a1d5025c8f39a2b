"""Where torch.distributed looks up its stores and backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nincost._torch.names import find, missing

_EMULATE = "emulate a rank of many"
#: The module that `look_for_strided_shards_once` changes.
SHARDING = "torch.distributed.tensor._sharding_prop"


def store_modules() -> list[Any]:
    """The modules that have `TCPStore` and `FileStore`, `torch._C._distributed_c10d` among them."""
    dist: Any = torch.distributed
    inner = find("_C._distributed_c10d", _EMULATE)
    return [dist, dist.distributed_c10d, dist.rendezvous, inner]


def rendezvous_handlers() -> dict[str, Callable[..., Any]]:
    """What makes a store of an address, by its scheme: `_rendezvous_handlers`."""
    found: dict[str, Callable[..., Any]] | None = find(
        "distributed.rendezvous", _EMULATE
    ).__globals__.get("_rendezvous_handlers")
    if found is None:
        raise missing("torch.distributed.rendezvous._rendezvous_handlers", _EMULATE)
    return found


def watch_new_groups(made: Callable[[Any, list[int]], None]) -> None:
    """Have `made` called with each process group that is made from now on, and its global ranks.

    torch keeps them in `_pg_group_ranks`, by group and then by global rank.
    """
    c10d: Any = find("distributed.distributed_c10d", _EMULATE)
    if not isinstance(getattr(c10d, "_pg_group_ranks", None), dict):
        raise missing("torch.distributed.distributed_c10d._pg_group_ranks", _EMULATE)

    class Ranks(dict[Any, dict[int, int]]):
        def __setitem__(self, group: Any, ranks: dict[int, int]) -> None:
            super().__setitem__(group, ranks)
            made(group, list(ranks))

    c10d._pg_group_ranks = Ranks(c10d._pg_group_ranks)


def fake_process_group() -> Callable[[int, int], Any]:
    """Makes torch's FakeProcessGroup, which answers at once, of a rank and a world's size.

    `torch.testing._internal.distributed.fake_pg`; its constructor has another name by version.
    """
    try:
        from torch.testing._internal.distributed import fake_pg
    except ImportError as error:
        raise missing("torch.testing._internal.distributed.fake_pg", _EMULATE) from error
    kind: Any = fake_pg.FakeProcessGroup
    make: Callable[[int, int], Any] = getattr(kind, "_create_internal", kind)
    return make


def look_for_strided_shards_once(sharding: Any) -> None:
    """Let DTensor look through an operator's inputs once, and not once for each of its tensors.

    Its `_propagate_use_strided_shard_flag`, of torch 2.12 and newer, does nothing where no input
    has a strided shard. It looks at all inputs for each tensor of a list: a fused optimizer of 291
    parameters at some 1,200, each 291 times.

    Args:
        sharding: the module `SHARDING`.
    """
    propagate = getattr(sharding, "_propagate_use_strided_shard_flag", None)
    strided = getattr(sharding, "_StridedShard", None)
    if propagate is None or strided is None:
        return
    without: Any = None

    def look_once(strategy: Any, schema: Any) -> None:
        nonlocal without
        if schema is without:
            return
        if any(isinstance(p, strided) for spec in schema.args_spec for p in spec.placements):
            propagate(strategy, schema)
        else:
            without = schema

    sharding._propagate_use_strided_shard_flag = look_once
