"""Which ranks of many allocate alike, found with few of them run.

Ranks lie on a grid, whose dimensions are read off the process groups that rank 0 is in: a group of
every s-th rank, n of them, is a dimension of n places. Ranks are run along one dimension at a time,
all other places being 0: the first, the middle and the last, and all where ranks send to each
other, as a pipeline's stages do. Between two that differ, the one in the middle is run, and so on:
so what differs is found where it changes once, as with shards of a length that they do not divide.
Where parameters are known to be cut along a dimension, and how, no search is needed: one place is
run of those that hold as much of each. Where several dimensions matter, their kinds are combined.
At last one more rank, drawn at random, is run and has to allocate as the one that stands for it; if
it does not, what was known of the cuts is forgotten and searched for.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

#: Ranks that are run at most.
MOST_RUN = 32


@dataclass(frozen=True, slots=True)
class Dimension:
    """Every `stride`-th rank, `size` of them.

    Attributes:
        sends: whether they send to each other.
        cuts: lengths that are cut into a chunk for each place, as by torch.chunk; none where that
            is not known.
    """

    stride: int
    size: int
    sends: bool = False
    cuts: tuple[int, ...] = ()

    def place(self, rank: int) -> int:
        return rank // self.stride % self.size

    def wanted(self) -> list[int]:
        """Places to begin with: where chunks change, else all that send, else three."""
        if self.sends:
            return list(range(self.size))
        if not self.cuts:
            return sorted({0, self.size // 2, self.size - 1})
        places = {0}
        for length in self.cuts:
            chunk = -(-length // self.size)
            places |= {length // chunk, -(-length // chunk)}
        return sorted(place for place in places if place < self.size)


@dataclass(frozen=True, slots=True)
class Kinds:
    """What was found.

    Attributes:
        members: the ranks that each one stands for, itself among them, by the lowest that was run.
        ran: all that were run, in order.
        checked: the one drawn at random, None where all were run; agrees: whether it allocated as
            the one that stands for it.
        complete: whether no more ranks were wanted than `MOST_RUN`.
        dimensions: what the ranks were taken to lie on.
    """

    members: Mapping[int, tuple[range, ...]]
    ran: tuple[int, ...]
    checked: int | None
    agrees: bool
    complete: bool
    dimensions: tuple[Dimension, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the members as `written`."""
        return {
            "members": {str(rank): written(alike) for rank, alike in self.members.items()},
            "ran": list(self.ran),
            "checked": self.checked,
            "agrees": self.agrees,
            "complete": self.complete,
            "dimensions": [asdict(dimension) for dimension in self.dimensions],
        }


def written(ranks: Iterable[range]) -> str:
    """`0-7,16` or, of every second one, `0-14/2`."""
    return ",".join(
        str(part[0]) if len(part) == 1
        else f"{part[0]}-{part[-1]}" + (f"/{part.step}" if part.step > 1 else "")
        for part in ranks
    )  # fmt: skip


def grid(
    world_size: int,
    groups: Iterable[Sequence[int]],
    peers: Iterable[int] = (),
    shards: Iterable[tuple[int, int, int]] = (),
) -> tuple[Dimension, ...]:
    """The dimensions that rank 0's groups lie along, the one with neighbouring ranks first.

    A group whose ranks are not equally far from each other, or that does not fit the larger ones,
    such as that of a pipeline's first and last stage, is no dimension.

    Args:
        groups: ranks of each group that rank 0 is in; peers: those that it sends to or receives
            from; shards: stride, size and length of what is cut into chunks, a place each.
    """
    cuts = {1, world_size}
    for ranks in sorted(groups, key=len, reverse=True):
        if len(ranks) < 2 or ranks[0] != 0 or ranks[1] < 1:
            continue
        stride = ranks[1]
        if list(ranks) == list(range(0, stride * len(ranks), stride)):
            finer = cuts | {stride, stride * len(ranks)}
            if all(large % small == 0 for small, large in itertools.pairwise(sorted(finer))):
                cuts = finer
    nearest = min((peer for peer in peers if peer), default=0)
    lengths: dict[tuple[int, int], set[int]] = {}
    for stride, size, length in shards:
        lengths.setdefault((stride, size), set()).add(length)
    return tuple(
        Dimension(
            smaller, larger // smaller, smaller <= nearest < larger,
            tuple(sorted(lengths.get((smaller, larger // smaller), ()))),
        )
        for smaller, larger in itertools.pairwise(sorted(cuts))
    )  # fmt: skip


def find_kinds(
    world_size: int,
    dimensions: Sequence[Dimension],
    run: Callable[[Sequence[int]], Sequence[Hashable]],
    *,
    most: int = MOST_RUN,
) -> Kinds:
    """Run ranks until it is known which allocate alike.

    Args:
        run: runs ranks, perhaps at once; what it returns is equal for ranks that allocate alike.
        most: ranks that are run at most.
    """
    search = _Search(run, most)
    standing_for, checked, agrees = search.over(world_size, dimensions)
    if not agrees and any(dimension.cuts for dimension in dimensions):
        dimensions = [replace(dimension, cuts=()) for dimension in dimensions]
        standing_for, checked, agrees = search.over(world_size, dimensions)
    lowest: dict[Hashable, int] = {}
    for rank in sorted(search.keys):
        lowest.setdefault(search.keys[rank], rank)
    members: dict[int, list[range]] = {rank: [] for rank in lowest.values()}
    for rank in range(world_size):
        key = search.keys.get(standing_for(rank))
        if key is not None:
            _append(members[lowest[key]], rank)
    return Kinds(
        {rank: tuple(ranges) for rank, ranges in members.items()},
        tuple(search.keys), checked, agrees, search.complete, tuple(dimensions),
    )  # fmt: skip


def _append(ranges: list[range], rank: int) -> None:
    """Add a rank, larger than all before it, to ranges that have one step each."""
    last = ranges[-1] if ranges else range(0)
    if len(last) == 2 and last.step > 1 and rank == last[-1] + 1:  # two that only looked like steps
        ranges[-1:] = [range(last[0], last[0] + 1), range(last[-1], rank + 1)]
    elif len(last) == 1:
        ranges[-1] = range(last[0], rank + 1, rank - last[0])
    elif len(last) > 1 and rank == last[-1] + last.step:
        ranges[-1] = range(last[0], rank + 1, last.step)
    else:
        ranges.append(range(rank, rank + 1))


@dataclass(slots=True)
class _Search:
    """Ranks that have been run, and what is known of each."""

    start: Callable[[Sequence[int]], Sequence[Hashable]]
    most: int
    keys: dict[int, Hashable] = field(default_factory=dict)
    complete: bool = True

    def over(
        self, world_size: int, dimensions: Sequence[Dimension]
    ) -> tuple[Callable[[int], int], int | None, bool]:
        """Run what it takes: which one stands for a rank, one drawn to check it, if that agrees."""
        wanted = {place * d.stride for d in dimensions for place in d.wanted()}
        drawn: list[int] = []
        if all(dimension.cuts for dimension in dimensions):  # nothing will be searched for
            drawn = self._draw(world_size, wanted)
        self._run([*sorted(wanted), *drawn])
        drawn_keys = {rank: self.keys.pop(rank) for rank in drawn if rank in self.keys}
        places = [self._along(dimension) for dimension in dimensions]
        kinds = [
            [first * dimension.stride for first in sorted(set(firsts))]
            for dimension, firsts in zip(dimensions, places, strict=True)
            if len(set(firsts)) > 1
        ]
        if len(kinds) > 1:
            self._run([sum(combination) for combination in itertools.product(*kinds)])

        def standing_for(rank: int) -> int:
            if rank in self.keys:
                return rank
            return sum(
                firsts[d.place(rank)] * d.stride
                for d, firsts in zip(dimensions, places, strict=True)
            )

        if not self.complete:
            return standing_for, None, True
        drawn = [r for r in drawn_keys if r not in self.keys] or self._draw(world_size, self.keys)
        if not drawn:
            return standing_for, None, True
        expected = self.keys[standing_for(drawn[0])]
        self.keys |= drawn_keys
        self._run(drawn)
        return standing_for, drawn[0], self.keys[drawn[0]] == expected

    def _draw(self, world_size: int, taken: Container[int]) -> list[int]:
        """One of the other ranks, if there is any."""
        others = [rank for rank in range(world_size) if rank not in taken]
        if not others:
            return []
        return [random.Random(world_size).choice(others)]  # nosec B311: any rank will do

    def _run(self, ranks: Iterable[int]) -> None:
        """Run those that have not been run, as far as there is room."""
        new = [rank for rank in dict.fromkeys(ranks) if rank not in self.keys]
        room = max(0, self.most - len(self.keys))
        self.complete &= len(new) <= room
        if new[:room]:
            self.keys.update(zip(new[:room], self.start(new[:room]), strict=True))

    def _along(self, dimension: Dimension) -> list[int]:
        """For each place of a dimension the first one that allocates alike."""
        size, stride = dimension.size, dimension.stride
        while True:
            ran = [place for place in range(size) if place * stride in self.keys]
            between = [
                (low + high) // 2 * stride
                for low, high in itertools.pairwise(ran)
                if high - low > 1 and self.keys[low * stride] != self.keys[high * stride]
            ]
            known = len(self.keys)
            if dimension.cuts or not between:
                break
            self._run(between)
            if len(self.keys) == known:
                break
        first_of: dict[Hashable, int] = {}
        firsts: list[int] = []
        at = -1
        for place in range(size):
            if at + 1 < len(ran) and ran[at + 1] == place:
                at += 1
            key = self.keys[ran[at] * stride]
            firsts.append(first_of.setdefault(key, ran[at]))
        return firsts
