"""A graph network of PyTorch Geometric on a random graph."""

import os

import torch
from torch.nn import functional
from torch_geometric.nn import GATConv, GCNConv

STEPS = int(os.environ.get("STEPS", "4"))

torch.manual_seed(0)
NODES, EDGES = 20_000, 200_000


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = GCNConv(128, 256), GATConv(256, 64, heads=4)
        self.last = GCNConv(256, 16)

    def forward(self, x, edges):
        x = self.first(x, edges).relu()
        x = self.second(x, edges).relu()
        return self.last(x, edges)


model = Net().cuda()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x = torch.randn(NODES, 128).cuda()
edges = torch.randint(0, NODES, (2, EDGES)).cuda()
labels = torch.randint(0, 16, (NODES,)).cuda()
for _ in range(STEPS):
    loss = functional.cross_entropy(model(x, edges), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
