"""Scripts that start their own ranks: the wanted one is observed, wherever it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._emulator.results import Run
from nincost.errors import InputError

pytestmark = needs_emulator

SCRIPTS = Path(__file__).resolve().parent / "scripts"
SCRIPT = SCRIPTS / "spawns.py"


def run(*arguments: str, script: Path | str = SCRIPT, **options: Any) -> Run:
    return nincost.run(script, arguments, gpu="h100", **options)


def test_a_rank_that_the_script_spawns_takes_what_it_takes_alone() -> None:
    """torch.multiprocessing.spawn starts two; the second is wanted, and raises."""
    result = run("spawn", "raises", ranks=2, rank="1")
    (rank,) = result.ranks
    assert (result.world_size, rank.rank, rank.ended, result.exit_status) == (2, 1, "exception", 2)
    assert "spawns.py:22 `raise ValueError" in rank.failure
    alone = run("alone", "raises", ranks=2, rank="1").ranks[0]
    assert alone.steps == rank.steps
    assert len(rank.steps) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        (SCRIPT, ("process",)),
        ("torchrun", ("--nproc-per-node", "2", str(SCRIPT), "alone")),
    ],
)
def test_other_ways_to_start_ranks(script: Path | str, arguments: tuple[str, ...]) -> None:
    """The script does not say in advance how many ranks there are."""
    result = run(*arguments, script=script)
    (rank,) = result.ranks
    assert (result.world_size, rank.rank, rank.ended, len(rank.steps)) == (2, 0, "steps", 3)
    assert any(row.code == "optimizer.step()" for row in result.lines)


def test_torchrun_over_several_nodes_is_answered_with_what_to_type() -> None:
    with pytest.raises(InputError, match="nincost run --ranks 16 --ranks-per-node 8 -m a"):
        run("--nnodes=2", "--nproc-per-node", "8", "-m", "a.b", "--lr", "1", script="torchrun")
