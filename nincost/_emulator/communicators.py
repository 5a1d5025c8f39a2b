"""NCCL's own memory on a rank: what its communicators were used for, and the model of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nincost._devices.cards import Gpu
from nincost._devices.libraries.nccl import Communicator, NcclMemory, nccl_memory

#: runtime/nccl.c's marks: of a communicator, and of each of its ranks.
_REDUCED, _IN_A_RING = 1, 2
_SENT, _RECEIVED = 1, 2


def nccl_of(recording: Mapping[str, Any], gpu: Gpu) -> NcclMemory:
    """What NCCL holds on a rank's card, modelled.

    Which ranks a communicator has is not known to NCCL's functions: of the process groups with so
    many ranks, those that come first had the first communicators.
    """
    observed = recording["observed"]
    size = str(recording.get("local_world_size", ""))
    per_node = int(size) if size.isdecimal() else observed["world_size"]
    groups: dict[int, list[Sequence[int]]] = {}
    for ranks in observed["groups"]:
        groups.setdefault(len(ranks), []).append(ranks)
    found = []
    for count, used, peers in recording.get("communicators", ()):
        alike = groups.get(count) or [range(count)]
        ranks = alike.pop(0) if len(alike) > 1 else alike[0]
        node = observed["rank"] // per_node
        near = [rank // per_node == node for rank in ranks]
        others = [
            (is_near, marks)
            for rank, is_near, marks in zip(ranks, near, peers, strict=True)
            if marks and rank != observed["rank"]
        ]
        found.append(
            Communicator(
                count, max(sum(near), 1), bool(used & _REDUCED), bool(used & _IN_A_RING),
                sent_to=sum(is_near and bool(marks & _SENT) for is_near, marks in others),
                received_from=sum(is_near and bool(marks & _RECEIVED) for is_near, marks in others),
                far_peers=sum(not is_near for is_near, _ in others),
            )
        )  # fmt: skip
    return nccl_memory(found, gpu.title, gpu.capability, recording.get("environment", {}))
