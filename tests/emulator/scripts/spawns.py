"""Starts its own ranks, in the way that its argument names; each trains one network."""

import os
import sys

import net
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel


def train(rank, size):
    dist.init_process_group("nccl", rank=rank, world_size=size)
    model = DistributedDataParallel(net.make().cuda())
    optimizer = torch.optim.AdamW(model.parameters())
    for step in range(1_000_000 if sys.argv[-1] == "long" else 100):
        model(torch.randn(64 * (1 + rank), 256, device="cuda")).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        if step == 1:
            print("second step", flush=True)
        if sys.argv[-1] == "raises" and step == 1:
            raise ValueError("the second step is bad")


if __name__ == "__main__":
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
    if sys.argv[1] == "spawn":
        mp.spawn(train, args=(2,), nprocs=2)
        print("not reached by a rank that is ended")
    elif sys.argv[1] == "process":
        context = mp.get_context("spawn")
        processes = [context.Process(target=train, args=(rank, 2)) for rank in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    else:  # as torchrun starts it
        train(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
