"""One step of a DCGAN: a critic and a generator that learn from each other.

nincost memory examples/gan_step.py:step --input images=3x64x64 --batch-size 128 --gpu rtx3060
"""

import torch
from torch import Tensor, nn, optim
from torch.nn.functional import binary_cross_entropy_with_logits


def up(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def down(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2, inplace=True),
    )


generator = nn.Sequential(
    nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False), nn.BatchNorm2d(512), nn.ReLU(inplace=True),
    up(512, 256), up(256, 128), up(128, 64), nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh(),
)  # fmt: skip
critic = nn.Sequential(
    nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
    down(64, 128), down(128, 256), down(256, 512), nn.Conv2d(512, 1, 4), nn.Flatten(),
)  # fmt: skip
opt_g = optim.Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999))
opt_c = optim.Adam(critic.parameters(), 2e-4, betas=(0.5, 0.999))


def step(
    generator: nn.Module,
    critic: nn.Module,
    opt_g: optim.Optimizer,
    opt_c: optim.Optimizer,
    images: Tensor,
) -> None:
    noise = torch.randn(len(images), 100, 1, 1, device=images.device)
    real = torch.ones(len(images), 1, device=images.device)
    false = torch.zeros(len(images), 1, device=images.device)

    fake = generator(noise)
    loss = binary_cross_entropy_with_logits(critic(images), real)
    loss = loss + binary_cross_entropy_with_logits(critic(fake.detach()), false)
    opt_c.zero_grad()
    loss.backward()
    opt_c.step()

    loss = binary_cross_entropy_with_logits(critic(fake), real)
    opt_g.zero_grad()
    loss.backward()
    opt_g.step()
