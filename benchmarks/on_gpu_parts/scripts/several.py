"""Steps of more than one model: a GAN, or distillation from a teacher."""

import os
import sys

import torch
import torchvision
from torch import nn
from torch.nn import functional

STEPS = int(os.environ.get("STEPS", "4"))

if sys.argv[1] == "gan":

    def up(into, out):
        return nn.Sequential(nn.ConvTranspose2d(into, out, 4, 2, 1), nn.BatchNorm2d(out), nn.ReLU())

    def down(into, out):
        return nn.Sequential(nn.Conv2d(into, out, 4, 2, 1), nn.LeakyReLU(0.2))

    generator = nn.Sequential(
        nn.Unflatten(1, (256, 4, 4)), up(256, 128), up(128, 64), up(64, 32), up(32, 3), nn.Tanh()
    ).cuda()
    critic = nn.Sequential(
        down(3, 64), down(64, 128), down(128, 256), nn.Flatten(), nn.Linear(256 * 64, 1)
    ).cuda()
    first = torch.optim.Adam(generator.parameters(), lr=2e-4)
    second = torch.optim.Adam(critic.parameters(), lr=2e-4)
    for _ in range(STEPS):
        x = torch.randn(128, 3, 64, 64, device="cuda")
        made = generator(torch.randn(128, 4096, device="cuda"))
        loss = (
            functional.softplus(-critic(x)).mean()
            + functional.softplus(critic(made.detach())).mean()
        )
        second.zero_grad()
        loss.backward()
        second.step()
        loss = functional.softplus(-critic(made)).mean()
        first.zero_grad()
        loss.backward()
        first.step()
else:
    teacher = torchvision.models.resnet50().cuda().eval()
    student = torchvision.models.resnet18().cuda()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.01, momentum=0.9)
    for _ in range(STEPS):
        x = torch.randn(64, 3, 224, 224, device="cuda")
        with torch.no_grad():
            wanted = teacher(x).softmax(-1)
        loss = functional.cross_entropy(student(x), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
