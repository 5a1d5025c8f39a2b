"""The allocator's history, replayed: block sizes and peaks are those that torch counts."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from support.emulated import fork_emulated, needs_emulator

from nincost._allocator import AllocatorConfig
from nincost._emulator.history import read_settings, replay

SCRIPTS = Path(__file__).resolve().parent / "scripts"

RECORD = """
import json, pickle, runpy, sys
import torch
torch.cuda.memory._record_memory_history("all", context="alloc", stacks="python")
kept, script, *sys.argv[1:] = sys.argv[1:]
runpy.run_path(script)
torch.cuda.memory._dump_snapshot(kept)
stats = torch.cuda.memory_stats()
names = ("allocated_bytes.all.peak", "reserved_bytes.all.peak", "allocated_bytes.all.current",
         "reserved_bytes.all.current", "requested_bytes.all.peak")
print(json.dumps([stats[name] for name in names]))
"""


@needs_emulator
@pytest.mark.parametrize(
    "settings", ["", "expandable_segments:True", "max_split_size_mb:25,roundup_power2_divisions:8"]
)
def test_peaks_are_those_that_torch_counts(settings: str, tmp_path: Path) -> None:
    kept = tmp_path / "snapshot.pickle"
    done = fork_emulated(
        RECORD, str(kept), str(SCRIPTS / "random_blocks.py"), "7",
        variables={"PYTORCH_CUDA_ALLOC_CONF": settings},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    snapshot = pickle.loads(kept.read_bytes())
    history = replay(snapshot["device_traces"][0], read_settings(snapshot["allocator_settings"]))
    assert history.complete
    assert [
        max(history.allocated), max(history.reserved), history.allocated[-1],
        history.reserved[-1], history.requested_peak,
    ] == json.loads(done.stdout.splitlines()[-1])  # fmt: skip


def event(action: str, addr: int, size: int) -> dict[str, Any]:
    return {"action": action, "addr": addr, "size": size}


def test_a_rest_is_cut_off_or_stays_with_the_block() -> None:
    mib = 2**20
    events = [
        event("segment_alloc", 0, 20 * mib),
        event("alloc", 0, 2 * mib),  # the rest is cut off: over 1 MiB
        event("alloc", 2 * mib, 17 * mib + 1),  # leaves under 1 MiB, which stays
        event("free_requested", 0, 2 * mib),
        event("free_completed", 0, 2 * mib),
        event("alloc", 0, 1 * mib + 1),
    ]
    history = replay(events, AllocatorConfig())
    assert history.allocated == [0, 2 * mib, 20 * mib, 18 * mib, 18 * mib, 20 * mib]
    assert [block.bytes for block in history.blocks] == [2 * mib, 18 * mib, 2 * mib]
    assert history.peak() == 2
    assert [block.born for block in history.alive(4)] == [2]


def test_memory_counts_until_its_free_is_requested() -> None:
    """A block that another stream still uses cannot be handed out, but is no longer counted."""
    events = [
        event("segment_alloc", 0, 2**21),
        event("alloc", 0, 512),
        event("free_requested", 0, 512),
        event("alloc", 512, 512),
        event("free_completed", 0, 512),
    ]
    history = replay(events, AllocatorConfig())
    assert history.allocated == [0, 512, 0, 512, 512]


def test_a_history_without_its_beginning_says_so() -> None:
    history = replay([event("alloc", 4096, 1000)], AllocatorConfig())
    assert not history.complete
    assert history.allocated == [1024]
