"""One rank of many, and the processes that it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.emulated import answer, fork_emulated, needs_emulator, run_emulated

pytestmark = needs_emulator

FSDP2 = """
import json, os, sys
import torch, torch.distributed as dist, torch.nn as nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
if sys.argv[1] == "fake":  # torch's own process group without other ranks
    from torch.testing._internal.distributed.fake_pg import FakeStore
    dist.init_process_group("fake", store=FakeStore(), rank=int(sys.argv[2]), world_size=8)
else:
    dist.init_process_group("nccl")
torch.cuda.set_device(0)
model = nn.Sequential(*[nn.TransformerEncoderLayer(128, 4, 256, batch_first=True) for _ in "123"])
model.cuda()
for layer in model:
    fully_shard(layer, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16))
fully_shard(model)
optimizer = torch.optim.AdamW(model.parameters())
for _ in range(3):
    model(torch.randn(4, 32, 128, device="cuda")).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
stats = torch.cuda.memory_stats()
print(json.dumps([dist.get_backend(), dist.get_rank(), dist.get_world_size(),
    stats["allocated_bytes.all.peak"], stats["reserved_bytes.all.peak"]]))
"""


def test_fsdp_takes_what_it_takes_with_torchs_fake_group() -> None:
    """NCCL's group allocates as the fake one does; a rank's place does not matter here."""
    backend, rank, world_size, *peaks = answer(FSDP2, "nccl", rank=5, world_size=8)
    assert (backend, rank, world_size) == ("nccl", 5, 8)
    assert answer(FSDP2, "fake", "5")[3:] == peaks


COLLECTIVES = """
import json
import torch, torch.distributed as dist
dist.init_process_group("nccl")
rank, size = dist.get_rank(), dist.get_world_size()
torch.cuda.set_device(rank % 8)
found = {}
objects = [None] * size
dist.all_gather_object(objects, {"rank": rank})
found["gathered"] = objects == [{"rank": rank}] * size
gathered = torch.empty(size, dtype=torch.int64, device="cuda")
dist.all_gather_into_tensor(gathered, torch.tensor([rank + 7], device="cuda"))
found["tensor"] = set(gathered.tolist()) == {rank + 7}
counts = torch.arange(size, device="cuda").cpu().cuda()
received = torch.empty_like(counts)
dist.all_to_all_single(received, counts)
found["all_to_all"] = received.tolist() == counts.tolist()
gloo = dist.new_group(backend="gloo")
dist.barrier(gloo)
dist.all_gather_object(objects, rank, group=gloo)
found["gloo"] = objects == [rank] * size
half = dist.new_group(range(0, size, 2))
found["half"] = dist.get_rank(half)
dist.barrier()
peer = (rank + 1) % size
for work in dist.batch_isend_irecv([
    dist.P2POp(dist.isend, gathered, peer), dist.P2POp(dist.irecv, torch.empty_like(gathered), peer)
]):
    work.wait()
store = dist.distributed_c10d._get_default_store()
store.set(f"name/{rank}", "host")
found["store"] = store.get(f"name/{peer}").decode()
dist.destroy_process_group()
print(json.dumps(found))
"""


@pytest.mark.parametrize(("rank", "world_size"), [(3, 4), (4094, 4096)])
def test_collectives_answer(rank: int, world_size: int) -> None:
    found = answer(COLLECTIVES, rank=rank, world_size=world_size)
    half = rank // 2 if rank % 2 == 0 else -1
    assert found == {
        "gathered": True, "tensor": True, "all_to_all": True, "gloo": True, "half": half,
        "store": "host",
    }  # fmt: skip


SYMMETRIC = """
import json, torch, torch.distributed as dist
import torch.distributed._symmetric_memory as symmetric
torch.cuda.set_device(dist.get_node_local_rank())
dist.init_process_group("nccl")
handle = symmetric.rendezvous(symmetric.empty(1 << 20, device="cuda"), dist.group.WORLD)
handle.barrier()
print(json.dumps([handle.rank, handle.world_size, handle.get_buffer(1, (8,), torch.half).numel()]))
"""


def test_symmetric_memory_meets_its_peers() -> None:
    assert answer(SYMMETRIC, rank=2, world_size=4) == [2, 4, 8]


BROADCAST = """
import json, torch.distributed as dist
dist.init_process_group("nccl")
rank = dist.get_rank()
objects = [{"seed": 17}, rank] if rank == 0 else [None, None]
dist.broadcast_object_list(objects, src=0)
mine = [None]
dist.scatter_object_list(mine, [10, 11, 12, 13] if rank == 1 else None, src=1)
print(json.dumps([objects, mine]))
"""


def test_objects_of_another_rank_are_those_that_it_sent(tmp_path: Path) -> None:
    options = {"world_size": 4, "journal": tmp_path / "journal"}
    alone = fork_emulated(BROADCAST, rank=2, **options)
    assert alone.returncode == 1
    assert "rank 2 needs what rank 0 sends in broadcast_object_list" in alone.stderr
    assert fork_emulated(BROADCAST, rank=0, **options).returncode == 1  # it needs rank 1
    assert answer(BROADCAST, rank=1, **options) == [[{"seed": 17}, 0], [11]]
    assert answer(BROADCAST, rank=0, **options) == [[{"seed": 17}, 0], [10]]
    assert answer(BROADCAST, rank=2, **options) == [[{"seed": 17}, 0], [12]]


CHILDREN = """
import json, os, subprocess, sys
count = "import os, torch; print(torch.cuda.device_count(), os.environ.get('LD_PRELOAD'))"
def ask(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options).stdout.strip()
print(json.dumps({
    "python": ask(sys.executable, "-c", count),
    "shell": ask("sh", "-c", f'{sys.executable} -c "{count}"'),
    "other": ask("printenv", "LD_PRELOAD"),
}))
"""


def test_python_children_find_the_cards_and_other_programs_get_no_preload() -> None:
    assert answer(CHILDREN, devices=3) == {"python": "3 None", "shell": "3 None", "other": ""}


def test_a_spawned_process_finds_the_cards(tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(
        "import torch, torch.multiprocessing as mp\n"
        "def work(rank): print(rank, torch.cuda.device_count(), flush=True)\n"
        "if __name__ == '__main__': mp.spawn(work, nprocs=2)\n"
    )
    done = run_emulated(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')",
                        devices=2)  # fmt: skip
    assert sorted(done.stdout.splitlines()) == ["0 2", "1 2"], done.stderr[-2000:]


def test_variables_are_those_of_torchrun(tmp_path: Path) -> None:
    script = tmp_path / "show.py"
    script.write_text(
        "import json, os\n"
        "print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("
        "('RANK', 'WORLD', 'LOCAL_', 'GROUP_', 'ROLE_', 'MASTER_', 'TORCHELASTIC_'))}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "1", str(script)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    real = json.loads(done.stdout.splitlines()[-1])
    ours = answer(script.read_text(), rank=0, world_size=1)
    differ = {name for name in {*real, *ours} if real.get(name) != ours.get(name)}
    of_the_agent = {"MASTER_ADDR", "MASTER_PORT"}
    assert {name for name in differ if not name.startswith("TORCHELASTIC_")} <= of_the_agent
