"""An embedding, three blocks and a head, to be sharded."""

from __future__ import annotations

from torch import Tensor, nn


class Block(nn.Module):
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(64, wide), nn.Linear(wide, 64)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.down(self.up(x).relu())
        return x + changed


class Blocks(nn.Module):
    """Of tokens [B, T] to scores [B, T, 128]; widths of 64 and `wide`."""

    def __init__(self, wide: int = 256) -> None:
        super().__init__()
        self.embed = nn.Embedding(128, 64)
        self.blocks = nn.ModuleList(Block(wide) for _ in range(3))
        self.head = nn.Linear(64, 128, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.head(x)
        return scores
