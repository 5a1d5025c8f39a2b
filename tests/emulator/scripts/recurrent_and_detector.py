"""An LSTM in cuDNN and a small detector, whose boxes depend on values, trained together."""

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign

backbone = nn.Sequential(nn.Conv2d(3, 16, 3, stride=8, padding=1), nn.ReLU())
backbone.out_channels = 16
detector = FasterRCNN(
    backbone, num_classes=3, min_size=64, max_size=64,
    rpn_anchor_generator=AnchorGenerator(sizes=((16, 32),), aspect_ratios=((0.5, 1.0),)),
    box_roi_pool=MultiScaleRoIAlign(["0"], output_size=3, sampling_ratio=2),
).cuda()  # fmt: skip
recurrent = nn.LSTM(32, 64, num_layers=2, batch_first=True).cuda()
optimizer = torch.optim.SGD([*detector.parameters(), *recurrent.parameters()], lr=0.1)
target = {"boxes": torch.tensor([[5.0, 5, 40, 50]]).cuda(), "labels": torch.tensor([1]).cuda()}
for _ in range(2):
    losses = detector([torch.rand(3, 64, 64, device="cuda")], [target])
    output, _ = recurrent(torch.randn(8, 20, 32, device="cuda"))
    (sum(losses.values()) + output.square().mean()).backward()
    optimizer.step()
    optimizer.zero_grad()
    print("peaks", torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved(), flush=True)
