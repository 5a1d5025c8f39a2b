"""What runs beside a step's operators, and which of them it follows and which wait for it.

That is read off the memory that each touches: what is sent was written by some operator before, and
the first that touches what came waits for it. Other streams' kernels, such as FSDP's copies, are of
that kind, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nincost._time.operators import Launched
from nincost._torch.distributed import Message


class Sent(NamedTuple):
    """Something beside the operators; an operator itself, where `name` is empty.

    Attributes:
        works: of its kernels, where it is some; copied: bytes to or from the host's memory.
        at: operators that were launched before it (of an operator, its number).
        read, written: addresses of storages.
    """

    name: str
    message: Message | None
    works: tuple[int, ...]
    copied: int
    at: int
    read: tuple[int, ...]
    written: tuple[int, ...]


class Joined(NamedTuple):
    """Something beside the operators; `after` and `before` as `Collective` has them."""

    name: str
    moved: int
    ranks: tuple[int, ...]
    rounds: int
    peer: int
    works: tuple[int, ...]
    copied: int
    after: int
    before: int


def joined(found: Sequence[Sent], launched: Sequence[Launched]) -> list[Joined]:
    """What runs beside the operators, each with the operators before and after it.

    A gather begins no earlier than what waits for the gather before it: FSDP gathers one unit ahead
    (torch/distributed/fsdp/_fully_shard/_fsdp_param_group.py, `wait_for_unshard`).
    """
    wrote: dict[int, int] = {}
    pending: dict[int, list[int]] = {}
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    gather = -1
    for number, one in enumerate(found):
        for address in {*one.read, *one.written}:
            for waited in pending.pop(address, ()):
                if not one.name:  # else it comes after it on the same stream, and is waited for
                    before.setdefault(waited, one.at)
        if not one.name:
            wrote.update(dict.fromkeys(one.written, one.at))
            continue
        after[number] = 1 + max((wrote.get(address, -2) for address in one.read), default=-2)
        if one.name == "all-gather":
            if gather >= 0:
                after[number] = max(after[number], before.get(gather, one.at))
            gather = number
        for address in one.written:
            pending.setdefault(address, []).append(number)
    working = _next_working(launched)
    return [
        Joined(
            one.name, one.message.moved if one.message else 0,
            one.message.ranks if one.message else (), one.message.rounds if one.message else 1,
            one.message.peer if one.message else -1, one.works, one.copied,
            working[after[number]] if after[number] >= 0 else -1,
            working[before[number]] if number in before else working[0],
        )
        for number, one in enumerate(found)
        if one.name
    ]  # fmt: skip


def _next_working(launched: Sequence[Launched]) -> list[int]:
    """For each operator, the first with kernels from there on; the last one, where none is."""
    working = [at for at, one in enumerate(launched) if one.works or one.copied]
    last = working[-1] if working else 0
    found = [last] * (len(launched) + 1)
    for at in range(len(launched) - 1, -1, -1):
        found[at] = at if launched[at].works or launched[at].copied else found[at + 1]
    return found
