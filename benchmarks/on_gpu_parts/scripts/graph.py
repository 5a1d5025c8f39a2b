"""A whole training step captured in a CUDA graph, and replayed."""

import os

import torch
import torchvision
from torch.nn import functional

model = torchvision.models.resnet18().cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
x = torch.randn(64, 3, 224, 224, device="cuda")
y = torch.zeros(64, dtype=torch.long, device="cuda")


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()


stream = torch.cuda.Stream()
stream.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(stream):
    for _ in range(3):
        step()
torch.cuda.current_stream().wait_stream(stream)
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    step()
for _ in range(int(os.environ.get("STEPS", "4"))):
    graph.replay()
torch.cuda.synchronize()
