"""Stages of a pipeline: rank's part of a network, by the schedule that the argument names."""

import os
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import pipelining
from torch.distributed.pipelining import PipelineStage

dist.init_process_group("nccl")
rank, size = dist.get_rank(), dist.get_world_size()
device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
torch.cuda.set_device(device)
make = getattr(pipelining, sys.argv[1])
chunks = 1 if issubclass(make, pipelining.schedules.PipelineScheduleSingle) else 2


def part() -> nn.Module:
    return nn.Sequential(*(nn.Sequential(nn.Linear(256, 256), nn.ReLU()) for _ in range(4)))


numbers = [rank + n * size for n in range(chunks)]
if "ZBV" in sys.argv[1]:  # a V: the first rank has the last stage, too
    numbers = [rank, 2 * size - 1 - rank]
parts = [part().to(device) for _ in numbers]
stages = [
    PipelineStage(model, number, size * chunks, device)
    for model, number in zip(parts, numbers, strict=True)
]
loss = nn.MSELoss()
schedule = make(stages if chunks > 1 else stages[0], 4, loss_fn=loss)
optimizer = torch.optim.SGD((p for model in parts for p in model.parameters()), lr=0.1)
is_first, is_last = 0 in numbers, size * chunks - 1 in numbers
for _ in range(3):
    x = torch.randn(4 * 1024, 256, device=device)
    schedule.step(*([x] if is_first else []), **({"target": x} if is_last else {}))
    optimizer.step()
    optimizer.zero_grad()
    torch.cuda.synchronize()
    peaks = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    print("peaks", *peaks, flush=True)
dist.destroy_process_group()
