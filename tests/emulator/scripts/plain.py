"""A plain loop with arguments, which prints what torch's own counters say."""

import argparse
import functools

import net
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=512)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--optimizer", default="AdamW")
parser.add_argument("--checkpoint", action="store_true")
arguments = parser.parse_args()

model = net.make().cuda()
if arguments.checkpoint:
    for block in model[:-1]:
        block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)
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
