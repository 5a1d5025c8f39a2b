"""Pipeline stages, which learn from each other what they send, run beside each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.emulated import needs_emulator

from nincost._devices.cards import get_gpu
from nincost._emulator.companions import Companions
from nincost._emulator.journal import Journal
from nincost._emulator.launch import environment

pytestmark = needs_emulator

PIPELINE = """
import json, sys
import torch, torch.distributed as dist
from torch import nn
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleInterleaved1F1B
dist.init_process_group("nccl")
rank, size = dist.get_rank(), dist.get_world_size()
torch.cuda.set_device(rank)
device = torch.device("cuda", rank)
chunks = int(sys.argv[1])
def part():
    return nn.Sequential(*[nn.Sequential(nn.Linear(256, 256), nn.ReLU()) for _ in range(4)])
stages = [
    PipelineStage(part().to(device), rank + n * size, size * chunks, device) for n in range(chunks)
]
make = ScheduleInterleaved1F1B if chunks > 1 else Schedule1F1B
def loss(output, target):
    return (output - target).square().mean()
schedule = make(stages if chunks > 1 else stages[0], 8, loss_fn=loss)
x = torch.randn(8 * 1024, 256, device=device)
for step in range(2):
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    given = {"target": x} if rank == size - 1 else {}
    schedule.step(*([x] if rank == 0 else []), **given)
    peak = torch.cuda.max_memory_allocated() - before
print(json.dumps(peak))
"""


def run_rank(rank: int, world_size: int, folder: Path, *arguments: str) -> int:
    def variables(number: int) -> dict[str, str]:
        return environment(
            get_gpu("h100"), rank=number, world_size=world_size, journal=folder / "journal"
        )

    script = folder / "pipeline.py"
    script.write_text(PIPELINE)
    command = [sys.executable, str(script), *arguments]

    def start(number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, env=variables(number), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    with Companions(Journal(folder / "journal", rank), start) as companions:
        done = subprocess.run(
            command, env=variables(rank), capture_output=True, text=True, check=False, timeout=500
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(process.returncode is not None for process in companions.processes.values())
    return int(json.loads(done.stdout.splitlines()[-1]))


def test_an_earlier_stage_keeps_more_micro_batches(tmp_path: Path) -> None:
    """1F1B: the first of two stages has two micro-batches in flight, the last has one.

    A micro-batch is 1,024 x 256 float32, 1 MiB; each of its four layers keeps one.
    """
    first, last = (run_rank(rank, 2, tmp_path, "1") for rank in (0, 1))
    assert 3 << 20 <= first - last <= 6 << 20


@pytest.mark.slow
def test_interleaved_stages(tmp_path: Path) -> None:
    assert run_rank(1, 4, tmp_path, "2") > run_rank(1, 4, tmp_path, "1")
