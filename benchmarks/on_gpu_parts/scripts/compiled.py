"""torch.compile of a transformer, by the mode that is named."""

import os
import sys

import torch
from torch import nn

STEPS = int(os.environ.get("STEPS", "4"))

mode = None if sys.argv[1] == "default" else sys.argv[1]
layer = nn.TransformerEncoderLayer(512, 8, 2048, dropout=0.0, batch_first=True, norm_first=True)
model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).cuda()
compiled = torch.compile(model, mode=mode)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for _ in range(STEPS):
    x = torch.randn(16, 256, 512, device="cuda")
    with torch.autocast("cuda", torch.bfloat16):
        loss = compiled(x).float().square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
