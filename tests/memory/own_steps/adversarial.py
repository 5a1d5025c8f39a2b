"""A critic with a gradient penalty, twice, and a generator once (WGAN-GP)."""

import torch
from torch import Tensor, nn

generator = nn.Sequential(
    nn.ConvTranspose2d(16, 64, 4), nn.BatchNorm2d(64), nn.ReLU(),
    nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh(),
)  # fmt: skip
critic = nn.Sequential(
    nn.Conv2d(3, 64, 3, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 4), nn.Flatten()
)
opt_g = torch.optim.RMSprop(generator.parameters(), 1e-4)
opt_c = torch.optim.Adam(critic.parameters(), 1e-4)


def made(network: nn.Module, images: Tensor) -> Tensor:
    noise = torch.randn(len(images), 16, 1, 1, device=images.device)
    return network(noise)  # type: ignore[no-any-return]


def step(
    generator: nn.Module,
    critic: nn.Module,
    opt_g: torch.optim.Optimizer,
    opt_c: torch.optim.Optimizer,
    images: Tensor,
) -> float:
    for _ in range(2):
        fake = made(generator, images).detach()
        mix = torch.rand(len(images), 1, 1, 1, device=images.device)
        between = (mix * images + (1 - mix) * fake).requires_grad_(True)
        (grad,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((grad.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(images).mean() + 10 * penalty
        opt_c.zero_grad()
        loss.backward()
        opt_c.step()
    opt_g.zero_grad()
    loss = -critic(made(generator, images)).mean()
    loss.backward()
    opt_g.step()
    return loss.item()
