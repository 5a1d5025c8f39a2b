"""A model that is sharded over ranks is refused: real FSDP2 and DTensor, in a group of four.

In a process of its own: what torch.distributed starts lets no later fork run autograd.
"""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module
from torch.testing._internal.distributed.fake_pg import FakeStore
import nincost

dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=4)
mesh = init_device_mesh("cpu", (4,))
for shard in (lambda model: parallelize_module(model, mesh, {"0": ColwiseParallel()}),
              lambda model: fully_shard(model[0], mesh=mesh)):
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
    shard(model)
    try:
        nincost.profile(model, input=torch.zeros(2, 8))
    except nincost.ModelError as error:
        print(error)
"""


def test_it_is_refused_and_says_what_to_give() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    tensor_parallel, fully_sharded = done.stdout.splitlines()
    assert "0.weight is a DTensor" in tensor_parallel
    assert "0 is sharded by FSDP" in fully_sharded
    for said in (tensor_parallel, fully_sharded):
        assert "before fully_shard" in said
        assert "nincost run --ranks" in said
