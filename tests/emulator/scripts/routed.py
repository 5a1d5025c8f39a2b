"""A mixture of experts, masks of random values and of labels, and a number that is read back."""

import torch
from torch import nn
from torch.nn import functional

WIDTH, TOKENS, EXPERTS, EACH = 256, 4096, 8, 2


class Routed(nn.Module):
    def __init__(self):
        super().__init__()
        self.router = nn.Linear(WIDTH, EXPERTS, bias=False)
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(EXPERTS))
        self.embedding = nn.Embedding(8192, WIDTH)  # large: 8 MiB

    def forward(self, ids):
        x = self.embedding(ids)
        weights, chosen = self.router(x).softmax(-1).topk(EACH, dim=-1)
        output = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            token, place = torch.where(chosen == number)
            if len(token) == 0:
                continue
            sent = expert(x[token])
            output = output.index_add(0, token, sent * weights[token, place, None])
        return output


model = Routed().cuda()
optimizer = torch.optim.SGD(model.parameters())
labels = torch.arange(TOKENS) % 4  # a quarter of them counts
for _ in range(2):
    output = model(torch.zeros(TOKENS, dtype=torch.long, device="cuda"))
    dropped = output[torch.rand(TOKENS, device="cuda") > 0.1]
    counted = output[labels.cuda() == 3]
    loss = functional.mse_loss(dropped, torch.zeros_like(dropped)) + counted.square().mean()
    if loss.item() > 1e9:
        raise ValueError("diverged")
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    del output, dropped, counted, loss
