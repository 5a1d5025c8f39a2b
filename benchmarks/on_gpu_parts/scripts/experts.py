"""A mixture of experts whose routing depends on values: what is assumed of it shows here."""

import os

import torch
from torch import nn

STEPS = int(os.environ.get("STEPS", "4"))

WIDTH, TOKENS, EXPERTS, EACH = 512, 8192, 8, 2
torch.manual_seed(0)


class Routed(nn.Module):
    def __init__(self):
        super().__init__()
        self.router = nn.Linear(WIDTH, EXPERTS, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 2048), nn.GELU(), nn.Linear(2048, WIDTH))
            for _ in range(EXPERTS)
        )

    def forward(self, x):
        weights, chosen = self.router(x).softmax(-1).topk(EACH, dim=-1)
        output = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            token, place = torch.where(chosen == number)
            output = output.index_add(0, token, expert(x[token]) * weights[token, place, None])
        return output


model = Routed().cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for _ in range(STEPS):
    loss = model(torch.randn(TOKENS, WIDTH, device="cuda")).square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
