"""Catches the error of too large a batch and halves it, until it runs."""

import torch
import torchvision
from torch.nn import functional

model = torchvision.models.resnet50().cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def step(batch):
    x = torch.zeros(batch, 3, 224, 224, device="cuda")
    loss = functional.cross_entropy(model(x), torch.zeros(batch, dtype=torch.long, device="cuda"))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


batch = 4096
while True:
    try:
        step(batch)
        break
    except torch.OutOfMemoryError:
        optimizer.zero_grad()
        batch //= 2
    torch.cuda.empty_cache()
step(batch)
print("found: batch", batch, flush=True)
