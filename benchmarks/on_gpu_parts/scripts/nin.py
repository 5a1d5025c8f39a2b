"""NiN as the textbook trains it: batch 128 at 224 pixels, SGD."""

import os

import torch
from torch import nn
from torch.nn import functional

STEPS = int(os.environ.get("STEPS", "4"))


def block(channels, kernel, stride, padding):
    return nn.Sequential(
        nn.LazyConv2d(channels, kernel, stride, padding), nn.ReLU(),
        nn.LazyConv2d(channels, 1), nn.ReLU(), nn.LazyConv2d(channels, 1), nn.ReLU(),
    )  # fmt: skip


model = nn.Sequential(
    block(96, 11, 4, 0), nn.MaxPool2d(3, 2), block(256, 5, 1, 2), nn.MaxPool2d(3, 2),
    block(384, 3, 1, 1), nn.MaxPool2d(3, 2), nn.Dropout(), block(10, 3, 1, 1),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(),
).cuda()  # fmt: skip
model(torch.zeros(1, 1, 224, 224, device="cuda"))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(STEPS):
    x = torch.randn(128, 1, 224, 224).cuda()
    y = torch.zeros(128, dtype=torch.long).cuda()
    loss = functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss.item()
