"""A plain training script, for `nincost run`: ResNet-50 on made-up images."""

import argparse

import torch
import torchvision
from torch.nn import functional

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--amp", action="store_true")
arguments = parser.parse_args()

model = torchvision.models.resnet50().cuda()
optimizer = torch.optim.AdamW(model.parameters())
for step in range(1000):
    images = torch.randn(arguments.batch_size, 3, 224, 224).cuda()
    labels = torch.randint(1000, (arguments.batch_size,)).cuda()
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=arguments.amp):
        logits = model(images)
        loss = functional.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step}: loss {loss.item():.3f}", flush=True)
