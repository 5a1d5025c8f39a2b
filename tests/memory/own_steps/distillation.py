"""A student that learns from a teacher, under autocast, with its gradients clipped."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def network(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Flatten(), nn.Linear(width * 49, 10),
    )  # fmt: skip


teacher = network(256).eval().requires_grad_(False)
student = network(64)
optimizer = torch.optim.AdamW(student.parameters(), 1e-3)


def step(
    teacher: nn.Module,
    student: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
) -> None:
    with torch.autocast("cuda", torch.bfloat16):
        with torch.no_grad():
            soft = F.softmax(teacher(images).float() / 4, 1)
        output = student(images)
        near = F.kl_div(F.log_softmax(output.float() / 4, 1), soft, reduction="batchmean")
        loss = F.cross_entropy(output, labels) + near
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(student.parameters(), 1.0)
    optimizer.step()
