"""Pipeline stages, which learn from each other what they send, run beside each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._emulator.results import Run

pytestmark = needs_emulator

SCRIPT = Path(__file__).resolve().parent / "scripts" / "pipeline.py"


def run(schedule: str, *, ranks: int, rank: str) -> Run:
    return nincost.run(SCRIPT, [schedule], gpu="h100", ranks=ranks, rank=rank)


@pytest.mark.slow
def test_stages_are_kinds_of_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    """Each takes what its own script prints, by torch's counter."""
    result = run("Schedule1F1B", ranks=2, rank="all-different")
    printed = re.findall(r"^peaks (\d+) (\d+)$", capfd.readouterr().err, re.MULTILINE)
    first, last = result.ranks
    assert [first.stands_for, last.stands_for] == ["0", "1"]
    assert result.rank_kinds is not None
    assert result.rank_kinds.ran == (0, 1)
    assert "2 kinds of 2: 0 alone; 1 alone" in str(result)
    assert {
        (str(r.peak_allocated_bytes), str(r.peak_reserved_bytes)) for r in (first, last)
    } == set(printed)
    # 1F1B: the first of two stages has two micro-batches in flight, whose four layers keep 1 MiB
    # each; the last has one, and four micro-batches of targets.
    forward = [rank.steps[1].phase_peaks["forward"] for rank in (first, last)]
    assert forward[0] != forward[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule",
    ["ScheduleGPipe", "ScheduleInterleaved1F1B", "ScheduleInterleavedZeroBubble",
     "ScheduleZBVZeroBubble"],
)  # fmt: skip
def test_schedules(schedule: str, capfd: pytest.CaptureFixture[str]) -> None:
    result = run(schedule, ranks=2, rank="1")
    assert f"peaks {result.totals.peak_allocated_bytes} " in capfd.readouterr().err
