"""Pipeline stages, which learn from each other what they send, run beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._emulator.results import Run

pytestmark = needs_emulator

SCRIPT = Path(__file__).resolve().parent / "scripts" / "pipeline.py"


def run(schedule: str, *, ranks: int, rank: str) -> Run:
    return nincost.run(SCRIPT, [schedule], gpu="h100", ranks=ranks, rank=rank)


def test_stages_are_kinds_of_their_own_and_an_earlier_one_keeps_more_micro_batches() -> None:
    """1F1B: the first of two stages has two micro-batches in flight, the last has one.

    A micro-batch is 1,024 x 256 float32, 1 MiB; each of its four layers keeps one. The last stage
    has the loss: targets of four micro-batches, and three blocks that it is made of.
    """
    result = run("Schedule1F1B", ranks=2, rank="all-different")
    first, last = result.ranks
    assert [first.stands_for, last.stands_for] == ["0", "1"]
    assert result.rank_kinds is not None
    assert result.rank_kinds.ran == (0, 1)
    assert "2 kinds of 2: 0 alone; 1 alone" in str(result)
    kept = [rank.steps[1].phase_peaks for rank in (first, last)]
    assert kept[0] != kept[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule",
    ["ScheduleGPipe", "ScheduleInterleaved1F1B", "ScheduleInterleavedZeroBubble",
     "ScheduleZBVZeroBubble"],
)  # fmt: skip
def test_schedules(schedule: str, capfd: pytest.CaptureFixture[str]) -> None:
    result = run(schedule, ranks=2, rank="1")
    assert f"peaks {result.totals.peak_allocated_bytes} " in capfd.readouterr().err
