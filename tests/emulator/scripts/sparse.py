"""A table of words whose gradients are sparse, and one step of it by hand."""

import torch
from torch import nn


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20_000, 64, sparse=True)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.table(words).mean(1)


def main() -> None:
    net = Words().cuda()
    optimizer = torch.optim.SparseAdam(net.parameters())
    words = torch.zeros(32, 16, dtype=torch.int64, device="cuda")
    target = torch.zeros(32, dtype=torch.int64, device="cuda")
    for _ in range(3):
        step(net, optimizer, words, target)


def step(
    net: nn.Module, optimizer: torch.optim.Optimizer, words: torch.Tensor, target: torch.Tensor
) -> None:
    output = net(words)
    loss = nn.functional.cross_entropy(output, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


if __name__ == "__main__":
    main()
