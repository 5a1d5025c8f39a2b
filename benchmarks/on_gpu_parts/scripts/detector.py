"""A torchvision detector in training: its boxes depend on values."""

import os
import sys

import torch
import torchvision

STEPS = int(os.environ.get("STEPS", "4"))

torch.manual_seed(0)
make = getattr(torchvision.models.detection, sys.argv[1])
model = make(weights=None, weights_backbone=None, num_classes=21).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
images = [torch.rand(3, 480, 640, device="cuda") for _ in range(4)]
boxes = torch.tensor([[20.0, 30, 200, 220], [100, 50, 400, 300]]).cuda()
targets = [{"boxes": boxes, "labels": torch.tensor([1, 2]).cuda()} for _ in images]
for _ in range(STEPS):
    loss = sum(model(images, targets).values())
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
