"""A process answers of its card, and its forks use the card."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.emulated import needs_emulator, run_emulated

import nincost

ASK_THEN_FORK = """
import ctypes, os, sys
import torch
from nincost._emulator.described.before_fork import CardBeforeFork
card = CardBeforeFork()
card.install()
kept = torch.cuda.get_device_properties
print(torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.get_device_capability(),
      torch.cuda.get_device_name(), kept(0).multi_processor_count, flush=True)
if os.fork() == 0:
    card.remove()
    ctypes.CDLL(None).nincost_emulated_settle()
    kept_alive = torch.ones(2, device="cuda")
    print(kept(0).name, torch.cuda.memory_allocated(), flush=True)
    os._exit(0)
os.wait()
"""


@needs_emulator
def test_libraries_may_ask_of_the_card_before_a_fork() -> None:
    done = run_emulated(ASK_THEN_FORK, gpu="rtx3060", devices=2)
    assert done.stdout.splitlines() == [
        "True 2 (8, 6) NVIDIA GeForce RTX 3060 28", "NVIDIA GeForce RTX 3060 512",
    ], done.stderr  # fmt: skip


NET = """
import torch
{line}
def net():
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 8))
"""


@needs_emulator
@pytest.mark.slow
def test_a_model_that_begins_cuda_as_it_is_imported_is_answered(tmp_path: Path) -> None:
    """CUDA refuses its forks, so each question gets a process that starts anew."""
    totals = []
    for line in ("", "if torch.cuda.is_available(): torch.cuda.init()"):
        path = tmp_path / f"net{len(totals)}.py"
        path.write_text(NET.format(line=line))
        found = nincost.memory(
            f"{path}:net", input="64", ranks=2, parallel="fsdp", fsdp_wrap="none", gpu="h100"
        )
        totals.append(found.totals)
    assert totals[0].peak_allocated_bytes == totals[1].peak_allocated_bytes
    assert totals[0].peak_reserved_bytes == totals[1].peak_reserved_bytes
