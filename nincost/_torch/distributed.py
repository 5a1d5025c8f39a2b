"""Where torch.distributed looks up its stores and backends."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from nincost._torch.names import find, missing

_EMULATE = "emulate a rank of many"
#: The module that `look_for_strided_shards_once` changes.
SHARDING = "torch.distributed.tensor._sharding_prop"
#: The module that `chunk_when_asked` changes.
FSDP_PARAMETERS = "torch.distributed.fsdp._fully_shard._fsdp_param"


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


def dtensor_classes() -> tuple[type, ...]:
    """DTensor, where torch has it; none where neither module is imported, as nobody made one then.

    Torch 2.4 has the class in `_tensor` alone, and an empty `tensor`.
    """
    names = ("torch.distributed.tensor", "torch.distributed._tensor")
    modules: list[Any] = [sys.modules.get(name) for name in names]
    return tuple({module.DTensor for module in modules if hasattr(module, "DTensor")})


def take_dtensors_to_ddp(module: torch.nn.Module) -> None:
    """Let DDP hold a module's DTensors as plain tensors: a hook makes them for each forward."""
    importlib.import_module("torch.distributed.tensor.parallel.ddp")
    path = "distributed.tensor.parallel.ddp._pre_dp_module_transform"
    find(path, "run DDP of a module that tensor parallelism splits")(module)


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


#: What operators of torch.distributed send, by how their names begin.
_KINDS = {
    "allreduce": "all-reduce", "all_reduce": "all-reduce", "allgather": "all-gather",
    "_allgather": "all-gather", "all_gather": "all-gather", "reduce_scatter": "reduce-scatter",
    "_reduce_scatter": "reduce-scatter", "reduce_": "reduce", "gather": "gather",
    "scatter": "scatter", "broadcast": "broadcast", "alltoall": "all-to-all",
    "all_to_all": "all-to-all", "send": "send", "isend": "send", "recv": "receive",
    "irecv": "receive",
}  # fmt: skip


class Message(NamedTuple):
    """What an operator of torch.distributed sends.

    Attributes:
        kind: such as `all-gather`, or `send` and `receive`.
        moved: bytes of the whole tensor: gathered, scattered, or reduced.
        ranks: of its group, by their global numbers.
        rounds: that it goes round a ring.
        peer: whom it is sent to, or received from, by its global number; -1 of a collective.
    """

    kind: str
    moved: int
    ranks: tuple[int, ...]
    rounds: int
    peer: int


def message_of(func: Any, args: tuple[Any, ...]) -> Message | None:
    """What an operator sends, called with those arguments; None where it only waits.

    c10d's operators have their process group as an object, functional ones by its name
    (`_resolve_process_group`).
    """
    name = func._schema.name.partition("::")[2]
    kind = next((words for begin, words in _KINDS.items() if name.startswith(begin)), "")
    group = _group_of(args)
    if not kind or group is None:
        return None
    ranks = tuple(torch.distributed.get_process_group_ranks(group))
    sizes = [_bytes(value) for value in args if isinstance(value, torch.Tensor | list)]
    moved = max(sizes, default=0)
    if kind == "all-gather" and name.startswith("all_gather"):  # of the part alone
        moved *= len(ranks)
    peer = -1
    if kind in ("send", "receive"):
        number = next((value for value in args[1:] if isinstance(value, int)), 0)
        peer = ranks[number] if number < len(ranks) else -1
    return Message(kind, moved, ranks, 2 if kind == "all-reduce" else 1, peer)


def _group_of(args: tuple[Any, ...]) -> Any:
    resolve = find("distributed.distributed_c10d._resolve_process_group", _EMULATE)
    for value in args:
        if isinstance(value, torch.ScriptObject):
            with contextlib.suppress(RuntimeError, TypeError):  # a ReduceOp is one, too
                return torch.distributed.ProcessGroup.unbox(value)
    for value in reversed(args):
        if isinstance(value, str | torch.distributed.ProcessGroup):
            return resolve(value) if isinstance(value, str) else value
    return None


def _bytes(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return value.nbytes
    return sum(map(_bytes, value)) if isinstance(value, list) else 0


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of torch.chunk, and empty ones behind; each is made when it is asked for."""

    tensor: torch.Tensor
    count: int
    dim: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> torch.Tensor:
        size = self.tensor.shape[self.dim]
        length = -(-size // self.count)
        start = number * length
        if start >= size:
            return self.tensor.new_empty(0)
        return self.tensor.narrow(self.dim, start, min(length, size - start))


def chunk_when_asked(parameters: Any) -> None:
    """Let FSDP2 make the chunk of a parameter that it asks for, and not those of all ranks.

    Its `_chunk_with_empty` makes a view for each rank and uses two: with 4,096 ranks most of the
    time that it takes to shard a model.

    Args:
        parameters: the module `FSDP_PARAMETERS`.
    """
    original = getattr(parameters, "_chunk_with_empty", None)
    if original is None:
        return

    def chunk(tensor: torch.Tensor, num_chunks: int, dim: int) -> Any:
        if not tensor.shape[dim]:
            return original(tensor, num_chunks, dim)
        return Chunks(tensor, num_chunks, dim)

    parameters._chunk_with_empty = chunk
