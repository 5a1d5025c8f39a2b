"""Losses over logits that are given."""

from __future__ import annotations

import torch
from torch import nn

from liger_cases.measure import Case, Loop


def cross_entropy(case: Case, loop: Loop) -> None:
    """torch's own."""
    loss = nn.CrossEntropyLoss()
    rows = case["B"] * case["T"]
    logits = torch.randn(rows, case.x, requires_grad=True, device="cuda")
    target = torch.randint(case.x, (rows, 1), device="cuda").squeeze(1)

    def forward() -> torch.Tensor:
        return loss(logits, target)

    def full() -> None:
        y = forward()
        y.backward()

    loop(forward, full, lambda y: y.backward(retain_graph=True), [logits])


def tvd(case: Case, loop: Loop) -> None:
    """Total variation distance; the logits are not kept."""
    rows = case["B"] * case["T"]
    p = torch.randn(rows, case.x, requires_grad=True, device="cuda").softmax(dim=-1)
    q = torch.randn(rows, case.x, device="cuda").softmax(dim=-1)

    def forward() -> torch.Tensor:
        distance = torch.abs(p - q) / 2.0
        return torch.sum(distance) / p.size(0)

    def full() -> None:
        y = forward()
        y.backward(retain_graph=True)

    loop(forward, full, lambda y: y.backward(retain_graph=True), [p])
