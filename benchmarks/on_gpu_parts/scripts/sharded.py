"""One rank alone, by the libraries for many: NCCL is real, and has nobody to talk to."""

import os
import socket
import sys

import torch
import torch.distributed as dist
from torch import nn

STEPS = int(os.environ.get("STEPS", "4"))

how = sys.argv[1]
if "RANK" not in os.environ:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0",
                   "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}  # fmt: skip
torch.cuda.set_device(0)
dist.init_process_group("nccl")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(1024)
        self.up, self.down = nn.Linear(1024, 4096), nn.Linear(4096, 1024)

    def forward(self, x):
        return x + self.down(self.up(self.norm(x)).relu())


model = nn.Sequential(*(Block() for _ in range(8)), nn.Linear(1024, 1000)).cuda()
if how in ("ddp", "zero1"):
    model = nn.parallel.DistributedDataParallel(model, device_ids=[0])
elif how == "fsdp1":
    from torch.distributed.fsdp import FullyShardedDataParallel, MixedPrecision
    from torch.distributed.fsdp.wrap import ModuleWrapPolicy

    model = FullyShardedDataParallel(
        model, auto_wrap_policy=ModuleWrapPolicy({Block}), use_orig_params=True,
        mixed_precision=MixedPrecision(torch.bfloat16, torch.float32), device_id=0,
    )  # fmt: skip
else:
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for part in model[:-1]:
        fully_shard(part, mp_policy=policy)
    fully_shard(model, mp_policy=policy)
if how == "zero1":
    from torch.distributed.optim import ZeroRedundancyOptimizer

    optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.AdamW, lr=1e-3)
else:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _ in range(STEPS):
    loss = model(torch.randn(4096, 1024, device="cuda")).float().square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
torch.cuda.synchronize()
dist.destroy_process_group()
