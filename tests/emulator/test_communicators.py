"""NCCL's buffers on the card: not there for PyTorch, and no more of them than the card has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.emulated import needs_emulator

import nincost
from nincost import _units as units
from nincost._devices.cards import get_gpu

pytestmark = needs_emulator

SCRIPT = Path(__file__).resolve().parent / "scripts" / "fills_card.py"
MIB, CAPACITY = 1 << 20, 4 << 30


def test_the_card_is_full_sooner_by_what_nccl_holds(capfd: pytest.CaptureFixture[str]) -> None:
    """A ring of eight on H100s: 24 channels of three tables of 2 MiB and of 2 and 10 MiB."""
    result = nincost.run(SCRIPT, gpu="h100", ranks=8, rank=3, capacity=CAPACITY, until_exit=True)
    (line,) = [text for text in capfd.readouterr().err.splitlines() if text.startswith("found ")]
    taken, reserved, said = json.loads(line.removeprefix("found "))
    assert taken == result.totals.nccl_bytes == 24 * (6 + 2 + 10) * MIB
    left = CAPACITY - get_gpu("h100").context_bytes - taken - reserved
    assert 0 <= left < 64 * MIB
    (caught,) = result.ranks[0].caught
    assert caught.free_bytes == left
    assert "unhandled cuda error" in said
    (note,) = [text for text in result.notes if "NCCL" in text]
    peers = 7 * 32 * (2 + 10) * MIB
    assert f"NCCL wanted its buffers ({units.size(taken + peers)} in all" in note
