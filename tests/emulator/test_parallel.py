"""Kinds of parallelism, each a small real script: what `run` reports is what torch counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._emulator.results import Run

pytestmark = [needs_emulator, pytest.mark.slow]

SCRIPT = Path(__file__).resolve().parent / "scripts" / "parallel.py"
KINDS = ["ddp", "zero", "fsdp1", "fsdp2", "hsdp", "tp", "sp", "cp", "ep", "async_tp"]


def run(*arguments: str, **options: Any) -> Run:
    return nincost.run(SCRIPT, arguments, gpu="h100", ranks=4, until_exit=True, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_takes_what_torch_counts(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    result = run(kind, rank="2")
    printed = re.findall(r"^peaks (\d+) (\d+)$", capfd.readouterr().err, re.MULTILINE)
    totals = result.totals
    assert [tuple(map(int, row)) for row in printed][-1] == (
        totals.peak_allocated_bytes, totals.peak_reserved_bytes,
    )  # fmt: skip
    assert len(printed) == len(result.ranks[0].steps) == 3
    assert result.exit_status == 0
    # Async tensor parallel gathers 2 x 1,024 x 256 float32 through symmetric memory.
    assert totals.outside_bytes == (2 * 2**20 if kind == "async_tp" else 0)
    assert totals.nccl_range_bytes[0] < totals.nccl_bytes < totals.nccl_range_bytes[1]


@pytest.mark.parametrize("kind", ["fsdp1", "fsdp2", "hsdp", "sp"])
def test_takes_what_it_takes_with_torchs_fake_group(kind: str) -> None:
    """A second truth: torch's process group that sends nothing, without NCCL."""
    real, fake = run(kind).totals, run(kind, "fake", "4").totals
    assert real.peak_allocated_bytes == fake.peak_allocated_bytes
    assert real.peak_reserved_bytes == fake.peak_reserved_bytes
    assert fake.nccl_bytes == 0
