"""Scripts that start their own ranks: the wanted one is observed, wherever it comes from."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._emulator.process_tree import descendants
from nincost._emulator.results import Run
from nincost.errors import InputError

pytestmark = needs_emulator

SCRIPTS = Path(__file__).resolve().parent / "scripts"
SCRIPT = SCRIPTS / "spawns.py"
TORCHRUN = ("torchrun", "--nproc-per-node", "2", str(SCRIPT), "alone")


def run(*arguments: str, script: Path | str = SCRIPT, **options: Any) -> Run:
    return nincost.run(script, arguments, gpu="h100", **options)


def test_a_rank_that_the_script_spawns_takes_what_it_takes_alone() -> None:
    """torch.multiprocessing.spawn starts two; the second is wanted, and raises."""
    result = run("spawn", "raises", ranks=2, rank="1")
    (rank,) = result.ranks
    assert (result.world_size, rank.rank, rank.ended, result.exit_status) == (2, 1, "exception", 2)
    assert "spawns.py:24 `raise ValueError" in rank.failure
    alone = run("alone", "raises", ranks=2, rank="1").ranks[0]
    assert alone.steps == rank.steps
    assert len(rank.steps) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        (SCRIPT, ("process",)),
        (TORCHRUN[0], TORCHRUN[1:]),
    ],
)
def test_other_ways_to_start_ranks(script: Path | str, arguments: tuple[str, ...]) -> None:
    """The script does not say in advance how many ranks there are."""
    result = run(*arguments, script=script)
    (rank,) = result.ranks
    assert (result.world_size, rank.rank, rank.ended, len(rank.steps)) == (2, 0, "steps", 3)
    assert any(row.code == "optimizer.step()" for row in result.lines)


@pytest.mark.parametrize(
    ("arguments", "number", "status"),
    [
        ((SCRIPT, "spawn", "long"), signal.SIGINT, 130),
        pytest.param((SCRIPT, "spawn", "long"), signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param((*TORCHRUN, "long"), signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param((*TORCHRUN, "long"), signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_all_processes_and_reports_what_there_is(
    arguments: tuple[Any, ...], number: int, status: int
) -> None:
    command = [sys.executable, "-m", "nincost", "run", "--gpu", "h100", "--format", "json"]
    command += ["--until-exit", *map(str, arguments)]
    # What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        signal.signal(signal.SIGINT, before)
        assert process.stderr is not None
        said = list(itertools.takewhile(lambda line: "second step" not in line, process.stderr))
        others = descendants(process.pid)
        process.send_signal(number)
        out, rest = process.communicate(timeout=120)
    assert process.returncode == status, "".join(said) + rest
    assert len(others) >= 3  # the tree's, the script's, and a rank's
    assert not {*others} & {int(name) for name in os.listdir("/proc") if name.isdigit()}
    document = json.loads(out)
    assert document["ranks"][0]["ended"] == ("interrupt" if status == 130 else "terminated")
    assert len(document["ranks"][0]["steps"]) >= 1


def test_torchrun_over_several_nodes_is_answered_with_what_to_type() -> None:
    with pytest.raises(InputError, match="nincost run --ranks 16 --ranks-per-node 8 -m a"):
        run("--nnodes=2", "--nproc-per-node", "8", "-m", "a.b", "--lr", "1", script="torchrun")
