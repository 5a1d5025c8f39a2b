"""Norms, element-wise operators and embeddings."""

from __future__ import annotations

import torch
from torch import nn

from liger_cases.measure import Case, Loop, liger


class RmsNorm(nn.Module):
    """As in transformers' Llama; with a residual, that is added first and returned, too."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kind = x.dtype
        x = x.to(torch.float32)
        variance = x.pow(2).mean(-1, keepdim=True)
        x = x * torch.rsqrt(variance + self.eps)
        return self.weight * x.to(kind)


class AddRmsNorm(RmsNorm):
    """Adds a residual first, and returns it, too."""

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        kind = x.dtype
        x = x.to(torch.float32)
        residual = residual.to(torch.float32)
        x = x + residual
        residual = x
        variance = x.pow(2).mean(-1, keepdim=True)
        x = x * torch.rsqrt(variance + self.eps)
        return self.weight * x.to(kind), residual.to(kind)


def rms_norm(case: Case, loop: Loop) -> None:
    """The weight of the sibling's norm lies on the card, too."""
    sibling = RmsNorm(case.x, case["eps"]).to("cuda")
    norm = RmsNorm(case.x, case["eps"]).to("cuda")
    x = torch.randn((case["M"], case.x), dtype=case.dtype, device="cuda")
    dy = torch.randn_like(x)
    x.requires_grad_(True)

    def forward() -> torch.Tensor:
        return norm(x)

    def full() -> None:
        y = forward()
        y.backward(dy, retain_graph=True)

    loop(forward, full, lambda y: y.backward(dy, retain_graph=True), [x])
    del sibling


def fused_add_rms_norm(case: Case, loop: Loop) -> None:
    """Two siblings: one norm, and one that holds another."""
    siblings = [RmsNorm(case.x, case["eps"]).to("cuda") for _ in range(3)]
    norm = AddRmsNorm(case.x, case["eps"]).to("cuda")
    shape = (case["M"], case.x)
    x = torch.randn(shape, dtype=case.dtype, device="cuda")
    residual = torch.randn(shape, dtype=case.dtype, device="cuda")
    dy, ds = torch.randn_like(x), torch.randn_like(residual)
    x.requires_grad_(True)
    residual.requires_grad_(True)

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        return norm(x, residual)

    def full() -> None:
        y, s = forward()
        torch.autograd.backward((y, s), (dy, ds))

    def backward(made: tuple[torch.Tensor, torch.Tensor]) -> None:
        torch.autograd.backward(made, (dy, ds), retain_graph=True)

    loop(forward, full, backward, [x, residual])
    del siblings


def megatron_rms_norm(case: Case, loop: Loop) -> None:
    """torch's own; what it times as "backward" has the forward pass in it."""
    norm = nn.RMSNorm(case.x, eps=1e-6).to("cuda").to(torch.bfloat16)
    shape = (case["S"], case["B"], case.x)
    x = torch.randn(shape, device="cuda", dtype=torch.bfloat16, requires_grad=True)

    def forward() -> torch.Tensor:
        return norm(x)

    def full() -> None:
        y = forward()
        y.sum().backward()

    loop(forward, full)


def relu_squared(case: Case, loop: Loop) -> None:
    """Its memory function takes the swept width alone for the shape."""
    shape = case.x if loop.measures else (case["M"], case.x)
    x = torch.randn(shape, device="cuda", dtype=case.dtype, requires_grad=True)

    def forward() -> torch.Tensor:
        return torch.square(nn.functional.relu(x))

    def full() -> None:
        y = forward()
        y.backward(torch.ones_like(y), retain_graph=True)

    loop(forward, full, lambda y: y.backward(torch.ones_like(y), retain_graph=True), [x])


def embedding(case: Case, loop: Loop) -> None:
    """The one that is compiled shares the plain one's weight; the sibling has its own."""
    layer = nn.Embedding(case.x, case["D"]).to("cuda").to(case.dtype)
    sibling = liger("transformers.experimental.embedding", "LigerEmbedding", nn.Embedding)(
        case.x, case["D"]
    )
    sibling = sibling.to("cuda").to(case.dtype)
    compiled = torch.compile(layer)
    ids = torch.randint(0, case.x, (case["B"], case["T"]), device="cuda")

    def forward() -> torch.Tensor:
        layers = {"liger": sibling, "torch_compile": compiled}
        return layers.get(case.provider, layer)(ids)

    def full() -> None:
        output = forward()
        output.backward(torch.randn_like(output))

    loop(forward, full)
