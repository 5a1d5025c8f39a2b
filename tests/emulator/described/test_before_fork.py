"""A process answers of its card, and its forks use the card."""

from __future__ import annotations

from support.emulated import needs_emulator, run_emulated

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
