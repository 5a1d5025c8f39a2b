"""NCCL's own memory on a rank: what its communicators were used for, and the model of each."""

from __future__ import annotations

import atexit
import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nincost._devices.libraries.nccl import Communicator, NcclMemory, nccl_memory

#: runtime/nccl.c's marks: of a communicator, and of each of its ranks.
_REDUCED, _IN_A_RING = 1, 2
_SENT, _RECEIVED = 1, 2


def nccl_of(recording: Mapping[str, Any], title: str, capability: tuple[int, int]) -> NcclMemory:
    """What NCCL holds on a rank's card of that title and compute capability, modelled.

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
    return nccl_memory(found, title, capability, recording.get("environment", {}))


def used_communicators() -> list[tuple[int, int, bytes]]:
    """Of each of NCCL's: ranks, what was done with it, and a byte for each rank (nccl.c)."""
    try:
        known = ctypes.CDLL(None).nincost_emulated_communicator
    except (OSError, AttributeError):
        return []
    used, peers = ctypes.c_int(), ctypes.c_void_p()
    found: list[tuple[int, int, bytes]] = []
    while ranks := known(len(found), ctypes.byref(used), ctypes.byref(peers)):
        found.append((ranks, used.value, ctypes.string_at(peers.value or 0, ranks)))
    return found


def facts_of_nccl() -> dict[str, Any]:
    """What `nccl_of` goes by beside what was observed, in the process of the rank."""
    return {
        "communicators": used_communicators(),
        "local_world_size": os.environ.get("LOCAL_WORLD_SIZE", ""),
        "environment": {k: v for k, v in os.environ.items() if k.startswith(("CUBLAS", "NCCL_"))},
    }


def take_from_card(
    observed: Callable[[], Mapping[str, Any]], refused: Callable[[NcclMemory], None]
) -> None:
    """Have NCCL's buffers be missing on the card as soon as a communicator would allocate them.

    Args:
        observed: gives what `nccl_of` has as `observed`, at any time.
        refused: called with what NCCL would hold in all where the card has too little left.
    """
    card = os.environ.get("NINCOST_EMULATED_CARD", "9 0").split()
    title, capability = os.environ.get("NINCOST_EMULATED_NAME", ""), (int(card[0]), int(card[1]))
    try:
        runtime = ctypes.CDLL(None)
        runtime.nincost_emulated_nccl_bytes.argtypes = [ctypes.c_int, ctypes.c_ulonglong]
        listen = runtime.nincost_emulated_on_nccl
    except (OSError, AttributeError):
        return

    def on_change(device: int) -> int:
        held = nccl_of({"observed": observed(), **facts_of_nccl()}, title, capability)
        status = int(runtime.nincost_emulated_nccl_bytes(device, held.bytes))
        if status:
            refused(held)
        return status

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(on_change)
    listen(callback)
    atexit.register(listen, None)  # and keeps the callback
    _kept.append(callback)


_kept: list[Any] = []
