"""Object collectives of one rank of many: what others would have sent comes from the journal.

`all_gather_object` is torch's own, over the process group, and brings this rank's object once for
each rank; so does `gather_object`. What one rank alone sends is written to the journal, and read
from it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from nincost._emulator.ranks.journal import Journal


class RankNeededError(RuntimeError):
    """This rank cannot go on without what another one sends."""


def install(dist: Any, journal: Journal) -> None:
    """Put these in place of torch.distributed's functions of the same names."""
    c10d = dist.distributed_c10d
    torch_own = {name: getattr(c10d, name) for name in _OBJECT_COLLECTIVES}
    for name, make in _OBJECT_COLLECTIVES.items():
        function = make(dist, journal, torch_own[name])
        function.__doc__ = torch_own[name].__doc__
        function.__name__ = name
        for module in (dist, c10d):
            setattr(module, name, function)


def _peer(dist: Any, group: Any, peer: int | None, group_peer: int | None, default: int) -> int:
    """The global rank that is meant, by its global rank or by that in the group."""
    if group_peer is not None:
        return int(dist.get_process_group_ranks(group)[group_peer])
    return default if peer is None else peer


def _read(journal: Journal, key: str, rank: int, function: str) -> Any:
    content = journal.read(key, rank, function)
    if content is None:
        raise RankNeededError(
            f"rank {journal.rank} needs what rank {rank} sends in {function}, and rank {rank} "
            + (
                f"ended before it had: run that one to see why (--rank {rank})"
                if journal.has_ended(rank)
                else "has not run before it"
            )
        )
    return pickle.loads(content)  # nosec B301: written by this run's own ranks


def _outside(dist: Any, group: Any) -> bool:
    return group is not None and dist.get_rank(group) < 0


def _broadcast(dist: Any, journal: Journal, own: Callable[..., Any]) -> Callable[..., Any]:
    def broadcast_object_list(
        object_list: list[Any], src: int | None = None, group: Any = None, device: Any = None,
        group_src: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        if not _outside(dist, group):
            source = _peer(dist, group, src, group_src, 0)
            key = journal.key("broadcast", source, *dist.get_process_group_ranks(group))
            if source != dist.get_rank():
                object_list[:] = _read(journal, key, source, "broadcast_object_list")
                return
            journal.write(key, pickle.dumps(object_list))
        if group_src is not None:
            options["group_src"] = group_src
        own(object_list, src=src, group=group, device=device, **options)

    return broadcast_object_list


def _scatter(dist: Any, journal: Journal, own: Callable[..., Any]) -> Callable[..., Any]:
    def scatter_object_list(
        scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
        src: int | None = None, group: Any = None, group_src: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        if not _outside(dist, group):
            source = _peer(dist, group, src, group_src, 0)
            ranks = dist.get_process_group_ranks(group)
            key = journal.key("scatter", source, *ranks)
            if source != dist.get_rank():
                sent = _read(journal, key, source, "scatter_object_list")
                scatter_object_output_list[0] = sent[ranks.index(dist.get_rank())]
                return
            journal.write(key, pickle.dumps(scatter_object_input_list))
            assert scatter_object_input_list is not None
            scatter_object_output_list[0] = scatter_object_input_list[ranks.index(source)]

    return scatter_object_list


def _gather(dist: Any, journal: Journal, own: Callable[..., Any]) -> Callable[..., Any]:
    def gather_object(
        obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None,
        group: Any = None, group_dst: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        if object_gather_list is None or _outside(dist, group):
            return
        if _peer(dist, group, dst, group_dst, 0) == dist.get_rank():
            content = pickle.dumps(obj)
            for place in range(len(object_gather_list)):
                object_gather_list[place] = pickle.loads(content)  # nosec B301: just written

    return gather_object


def _send(dist: Any, journal: Journal, own: Callable[..., Any]) -> Callable[..., Any]:
    def send_object_list(
        object_list: list[Any], dst: int | None = None, group: Any = None, device: Any = None,
        group_dst: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        if not _outside(dist, group):
            target = _peer(dist, group, dst, group_dst, 0)
            key = journal.key("send", dist.get_rank(), target)
            journal.write(key, pickle.dumps(object_list))

    return send_object_list


def _receive(dist: Any, journal: Journal, own: Callable[..., Any]) -> Callable[..., Any]:
    def recv_object_list(
        object_list: list[Any], src: int | None = None, group: Any = None, device: Any = None,
        group_src: int | None = None, **options: Any,
    ) -> int:  # fmt: skip
        if _outside(dist, group):
            return -1
        source = _peer(dist, group, src, group_src, 0)
        key = journal.key("send", source, dist.get_rank())
        object_list[:] = _read(journal, key, source, "send_object_list")
        return source

    return recv_object_list


_OBJECT_COLLECTIVES = {
    "broadcast_object_list": _broadcast,
    "scatter_object_list": _scatter,
    "gather_object": _gather,
    "send_object_list": _send,
    "recv_object_list": _receive,
}
