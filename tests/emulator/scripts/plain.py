"""A plain loop with arguments, which prints what torch's own counters say."""

import argparse

import net
import torch
from torch.nn import functional

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=512)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--optimizer", default="AdamW")
arguments = parser.parse_args()

model = net.make().cuda()
optimizer = getattr(torch.optim, arguments.optimizer)(model.parameters(), lr=1e-3)
for _ in range(arguments.steps):
    x = torch.randn(arguments.batch_size, 256).cuda()
    y = torch.zeros(arguments.batch_size, dtype=torch.long).cuda()
    logits = model(x)
    loss = functional.cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    del logits, loss
    print("peaks", torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved(), flush=True)
print("the end")
