"""Kinds of ranks, found with few of them run: each made-up world is known whole."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence

import pytest

from nincost._emulator.ranks.kinds import Dimension, find_kinds, grid, written

WORLD = list(range(16))


def test_a_grid_is_read_off_rank_0s_groups() -> None:
    tensor, data, stages = [0, 1], [0, 2, 4, 6], [0, 8]
    assert grid(16, [WORLD]) == (Dimension(1, 16),)
    assert grid(16, [WORLD, tensor, data, stages], {8}) == (
        Dimension(1, 2), Dimension(2, 4), Dimension(8, 2, sends=True),
    )  # fmt: skip
    # Experts' groups cut the data-parallel ones; a first and last stage's group is no dimension.
    cut = grid(16, [WORLD, [0, 4, 8, 12], [0, 2], [0, 12], [0, 3, 7]], {12, 4})
    assert [(d.stride, d.size, d.sends) for d in cut] == [
        (1, 2, False), (2, 2, False), (4, 4, True),
    ]  # fmt: skip
    cuts = grid(16, [WORLD, data, tensor], shards=[(2, 4, 7), (2, 4, 9), (1, 2, 2), (3, 4, 5)])
    assert [d.cuts for d in cuts] == [(2,), (7, 9), ()]


def shards(length: int, ranks: int) -> Callable[[int], Hashable]:
    """What a rank holds of a tensor's rows as torch.chunk, and so FSDP2, shards them."""
    per_rank = -(-length // ranks)
    return lambda rank: max(0, min(per_rank, length - rank * per_rank))


def each(allocates: Callable[[int], Hashable]) -> Callable[[Sequence[int]], list[Hashable]]:
    """What runs ranks, of what runs one."""
    return lambda ranks: [allocates(rank) for rank in ranks]


WORLDS = {
    "alike": (16, (Dimension(1, 16),), lambda rank: 0),
    "shards": (16, (Dimension(1, 16),), shards(10, 16)),
    "many shards": (512, (Dimension(1, 512),), shards(1000, 512)),
    "tensor and data": (
        16, (Dimension(1, 2), Dimension(2, 8)), lambda rank: shards(11, 8)(rank // 2),
    ),
    "stages of shards": (
        32, (Dimension(1, 8), Dimension(8, 4, sends=True)),
        lambda rank: (rank // 8, shards(13, 8)(rank % 8) * (1 + rank // 8)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_members_allocate_alike_and_kinds_do_not(name: str) -> None:
    size, dimensions, allocates = WORLDS[name]
    kinds = find_kinds(size, dimensions, each(allocates))
    assert kinds.complete
    assert kinds.agrees
    for rank, members in kinds.members.items():
        assert {allocates(member) for part in members for member in part} == {allocates(rank)}
    assert sorted(itertools.chain(*itertools.chain(*kinds.members.values()))) == list(range(size))
    found = [allocates(rank) for rank in kinds.members]
    assert len(set(found)) == len(found) == len({allocates(rank) for rank in range(size)})
    assert len(kinds.ran) <= 2 + 10 * len(found)


def test_where_the_cuts_are_known_only_one_rank_of_each_kind_is_run_and_one_to_check() -> None:
    lengths = (1024, 4096, 14336, 128256)

    def allocates(rank: int) -> Hashable:
        return tuple(shards(length, 4096)(rank) for length in lengths)

    asked: list[list[int]] = []

    def run(ranks: Sequence[int]) -> list[Hashable]:
        asked.append(list(ranks))
        return [allocates(rank) for rank in ranks]

    kinds = find_kinds(4096, (Dimension(1, 4096, cuts=lengths),), run)
    assert list(kinds.members) == [0, 1024, 3584, 4008]
    assert kinds.agrees
    assert asked == [[0, 1024, 3584, 4008, kinds.checked]]
    alike = find_kinds(64, (Dimension(1, 64, cuts=lengths),), each(lambda rank: 0))
    assert len(alike.ran) == 2
    # Two dimensions, one of which cuts nothing: replicas.
    both = (Dimension(1, 8, cuts=(12,)), Dimension(8, 4, cuts=(4,)))
    kinds = find_kinds(32, both, each(lambda rank: shards(12, 8)(rank % 8)))
    assert list(kinds.members) == [0, 6]
    assert len(kinds.ran) == 3


def test_cuts_that_do_not_hold_are_searched_for() -> None:
    kinds = find_kinds(64, (Dimension(1, 64, cuts=(64,)),), each(lambda rank: rank < 3))
    assert kinds.agrees
    assert [written(members) for members in kinds.members.values()] == ["0-2", "3-63"]


def test_what_is_not_found_is_said() -> None:
    odd = find_kinds(64, (Dimension(1, 64),), each(lambda rank: rank % 32 > 0 and rank != 63))
    assert (odd.complete, odd.agrees, list(odd.members)) == (True, False, [0, odd.checked])
    stages = find_kinds(64, (Dimension(1, 64, sends=True),), each(lambda rank: rank), most=8)
    assert (stages.complete, stages.checked, len(stages.ran)) == (False, None, 8)


def test_ranks_are_written_short() -> None:
    kinds = find_kinds(12, (Dimension(1, 2), Dimension(2, 6)), each(lambda rank: rank % 2))
    assert [written(members) for members in kinds.members.values()] == ["0-10/2", "1-11/2"]
    assert written([range(3, 4), range(8, 11)]) == "3,8-10"
