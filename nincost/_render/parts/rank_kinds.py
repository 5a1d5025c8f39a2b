"""Which ranks of a run stand for which, in words."""

from __future__ import annotations

from nincost._emulator.ranks.kinds import written
from nincost._emulator.results import Run


def rank_kinds(result: Run) -> list[str]:
    """Which ranks stand for which, how that was found and what was taken for granted."""
    kinds = result.rank_kinds
    if kinds is None:
        return []
    texts = {rank: written(members) for rank, members in kinds.members.items()}
    alike = "; ".join(
        f"{rank} alone" if text == str(rank) else f"{rank} stands for {text}"
        for rank, text in texts.items()
    )
    many = len(texts)
    lines = [f"{many} kind{'s' if many > 1 else ''} of {result.world_size}: {alike}"]
    sizes = [
        f"{d.size} {'pipeline stages' if d.sends else 'ranks'}"
        + (f" that are {d.stride} apart" if d.stride > 1 else "")
        for d in kinds.dimensions
    ]
    taken = {
        True: "ranks that hold as much of each parameter are taken to allocate alike",
        False: "ranks between two that allocate alike, in each step and phase, are taken to do "
        "so, too",
    }
    known = sorted({bool(dimension.cuts) for dimension in kinds.dimensions}, reverse=True)
    how = (
        f"by rank 0's process groups the ranks lie along {', '.join(sizes)}; run were "
        f"{', '.join(map(str, kinds.ran))}; {', and '.join(taken[cut] for cut in known)}"
    )
    if not kinds.complete:
        how += f"; more kinds may be among those that were not run ({len(kinds.ran)} were)"
    elif kinds.checked is None:
        how = f"all {result.world_size} were run"
    elif kinds.agrees:
        how += f"; rank {kinds.checked}, drawn at random, confirms it"
    else:
        how += (
            f"; rank {kinds.checked}, drawn at random, does NOT confirm it: there are more kinds, "
            "give --rank to run others"
        )
    return [*lines, how]
