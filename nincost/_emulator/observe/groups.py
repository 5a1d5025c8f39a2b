"""Which process groups a rank is in, and which ranks it sends to or receives from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from nincost import _units as units
from nincost._devices.libraries.nccl import NcclMemory
from nincost._emulator.observe.observer import Observed
from nincost._emulator.ranks.communicators import take_from_card

#: Functions of torch.distributed, and their argument that names the peer: by its global rank, and
#: by that in the group.
_POINT_TO_POINT = {
    "send": ("dst", "group_dst"), "isend": ("dst", "group_dst"),
    "recv": ("src", "group_src"), "irecv": ("src", "group_src"),
}  # fmt: skip


def watch_groups(torch: Any, seen: Observed) -> None:
    """Note each process group that is made, and each peer of a send or a receive.

    NCCL's buffers, which follow from both, are taken from the card.
    """
    if not torch.distributed.is_available():
        return
    from nincost._torch.distributed import watch_new_groups

    def made(group: Any, ranks: list[int]) -> None:
        if not seen.groups:  # the first is the world
            seen.rank, seen.world_size = group.rank(), len(ranks)
        if seen.rank in ranks and ranks not in seen.groups:
            seen.groups.append(ranks)

    watch_new_groups(made)
    take_from_card(seen.to_dict, lambda held: _note_refusal(held, seen))
    for name, (peer, group_peer) in _POINT_TO_POINT.items():
        _watch_peers(torch.distributed, name, peer, group_peer, seen.peers)


def _note_refusal(held: NcclMemory, seen: Observed) -> None:
    text = (
        f"the card was full when NCCL wanted its buffers ({units.size(held.bytes)} in all, "
        "modelled): its call failed, as it does on a card; --capacity unlimited says what is "
        "needed"
    )
    if text not in seen.notes:
        seen.notes.append(text)


def _watch_peers(dist: Any, name: str, peer: str, group_peer: str, peers: set[int]) -> None:
    c10d = dist.distributed_c10d
    original: Callable[..., Any] = getattr(c10d, name)

    @functools.wraps(original)
    def call(tensor: Any, *args: Any, **kwargs: Any) -> Any:
        other = args[0] if args else kwargs.get(peer)
        group = args[1] if len(args) > 1 else kwargs.get("group")
        if other is None and kwargs.get(group_peer) is not None:
            other = dist.get_process_group_ranks(group)[kwargs[group_peer]]
        if other is not None:
            peers.add(int(other))
        return original(tensor, *args, **kwargs)

    for module in (dist, c10d):
        setattr(module, name, call)
