"""A torchvision model in mixed precision, fed by a DataLoader."""

import argparse
import os

import torch
import torchvision
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("dtype")
parser.add_argument("--optimizer", default="SGD")
parser.add_argument("--channels-last", action="store_true")
parser.add_argument("--clip", action="store_true")
parser.add_argument("--workers", type=int, default=0)
given = parser.parse_args()

model = getattr(torchvision.models, given.model)().cuda()
if given.channels_last:
    model = model.to(memory_format=torch.channels_last)
images = 32 * int(os.environ.get("STEPS", "4"))
data = TensorDataset(torch.randn(images, 3, 224, 224), torch.zeros(images, dtype=torch.long))
loader = DataLoader(data, batch_size=32, num_workers=given.workers, pin_memory=given.workers > 0)
extra = {"momentum": 0.9} if given.optimizer == "SGD" else {}
optimizer = getattr(torch.optim, given.optimizer)(model.parameters(), lr=1e-3, **extra)
dtype = getattr(torch, given.dtype)
scaler = torch.amp.GradScaler("cuda", enabled=dtype == torch.float16)
for images, labels in loader:
    x, y = images.cuda(non_blocking=True), labels.cuda(non_blocking=True)
    if given.channels_last:
        x = x.to(memory_format=torch.channels_last)
    with torch.autocast("cuda", dtype, enabled=dtype != torch.float32):
        loss = functional.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    if given.clip:
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
