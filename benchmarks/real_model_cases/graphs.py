"""PyTorch Geometric's networks on a graph whose edges are given."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from real_model_cases import Made, case


def edges(nodes: int = 500, count: int = 4000) -> Tensor:
    first = torch.arange(count) % nodes
    return torch.stack([first, (first * 7 + torch.arange(count) // nodes + 1) % nodes])


def of(name: str, **arguments: Any) -> Any:
    def make() -> Made:
        from torch_geometric.nn import models

        model = getattr(models, name)(64, 128, 3, 16, **arguments)
        return model, {"x": torch.randn(500, 64), "edge_index": edges()}

    return make


for name in ("GCN", "GraphSAGE", "GAT", "GIN", "PNA", "EdgeCNN"):
    given: dict[str, Any] = {}
    if name == "PNA":
        given = {
            "aggregators": ["mean", "max"], "scalers": ["identity"],
            "deg": torch.full((16,), 20),
        }  # fmt: skip
    case(f"pyg {name} train", "torch_geometric", of(name, **given), optimizer="Adam")


class Pooled(nn.Module):
    """Graphs of a batch, pooled, as in graph classification."""

    def __init__(self) -> None:
        super().__init__()
        from torch_geometric.nn import GCNConv

        self.first, self.second = GCNConv(64, 128), GCNConv(128, 128)
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        from torch_geometric.nn import global_mean_pool

        x = self.second(self.first(x, edge_index).relu(), edge_index).relu()
        return self.head(global_mean_pool(x, batch))  # type: ignore[no-any-return]


def pooled() -> Made:
    return Pooled(), {
        "x": torch.randn(500, 64),
        "edge_index": edges(),
        "batch": torch.arange(500) // 50,
    }


case("pyg pooled GCN", "torch_geometric", pooled, optimizer="Adam")
