"""Asks for more than a small card has; with `halve` it catches that and halves its batch."""

import sys

import net
import torch
from torch.nn import functional

model = net.make(width=1024).cuda()
optimizer = torch.optim.AdamW(model.parameters())
batch = 1 << 17
while True:
    try:
        for _ in range(3):
            loss = functional.cross_entropy(
                model(torch.randn(batch, 1024, device="cuda")),
                torch.zeros(batch, dtype=torch.long, device="cuda"),
            )
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        break
    except torch.cuda.OutOfMemoryError:
        if sys.argv[1:] != ["halve"]:
            raise
        optimizer.zero_grad()
        loss = None
        batch //= 2
        print("batch", batch, flush=True)
