"""Loops that differ in one thing each; the first argument says which."""

import os
import sys
import time

import net
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

kind = sys.argv[1]
everything = kind == "everything"  # a GradScaler, accumulation, workers, and much output
model = net.make().cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
scaler = torch.amp.GradScaler("cuda", enabled=everything)
data = TensorDataset(torch.randn(4096, 256), torch.zeros(4096, dtype=torch.long))
workers = 2 if everything else 0
loader = DataLoader(data, batch_size=256, num_workers=workers, pin_memory=workers > 0)


def train(accumulate):
    for number, (x, y) in enumerate(loader, 1):
        with torch.autocast("cuda", enabled=everything):
            loss = functional.cross_entropy(model(x.cuda(non_blocking=True)), y.cuda())
        scaler.scale(loss / accumulate).backward()
        if number % accumulate == 0:
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        if kind == "raises" and number == 2:
            raise ValueError("the second batch is bad")
        if kind == "exits" and number == 2:
            os._exit(3)
        if sys.argv[2:] == ["slowly"]:
            time.sleep(0.1)
        if everything:
            print("x" * 200_000, flush=True)


if kind == "infers":
    with torch.no_grad():
        for x, _ in loader:
            model(x.cuda())
elif kind == "swallows":
    while True:
        try:
            train(1)
        except BaseException as error:
            print("swallowed", type(error).__name__, flush=True)
else:
    train(4 if everything else 1)
    print("the loop has ended")
