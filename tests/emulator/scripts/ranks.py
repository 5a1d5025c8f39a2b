"""One network on many ranks: `ddp` or `fsdp2`, as torchrun would start it."""

import os
import sys

import net
import torch
import torch.distributed as dist
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("nccl")
torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
device = torch.device("cuda", torch.cuda.current_device())
if sys.argv[1] == "ddp":
    model = DistributedDataParallel(net.make(width=512).to(device), device_ids=[device.index])
else:
    with torch.device("meta"):
        model = net.make(width=512)
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for block in list(model)[:-1]:
        fully_shard(block, mp_policy=policy)
    fully_shard(model, mp_policy=policy)
    model.to_empty(device=device)
optimizer = torch.optim.AdamW(model.parameters())
for _ in range(3):
    x = torch.randn(256, 512, device=device)
    y = torch.zeros(256, dtype=torch.long, device=device)
    functional.cross_entropy(model(x).float(), y).backward()
    optimizer.step()
    optimizer.zero_grad()
    print("peak", torch.cuda.max_memory_allocated(), flush=True)
dist.destroy_process_group()
