"""A recording puts operators in the place of torch's, and leaves nothing of it behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from support.cuda_steps import A100, operators, recorded
from torch import nn
from torch.amp.autocast_mode import autocast
from torch.utils._python_dispatch import TorchDispatchMode

from nincost.errors import NincostError


class _Names(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func.name())
        return func(*args, **(kwargs or {}))


def plain_dropout() -> list[str]:
    """What torch itself runs for a dropout on meta."""
    with _Names() as names:
        torch.dropout(torch.empty(4, 4, device="meta"), 0.5, True)
    return names.seen


class Bad(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            self.linear(x)
            raise ValueError("on purpose")


def test_nothing_is_left() -> None:
    before, methods = plain_dropout(), [autocast.__init__, autocast.__enter__, autocast.__exit__]
    assert "aten::native_dropout" not in before
    recorded(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), "4", 2, A100, amp="float16")
    assert plain_dropout() == before
    assert [autocast.__init__, autocast.__enter__, autocast.__exit__] == methods


def test_nothing_is_left_after_an_error() -> None:
    before = plain_dropout()
    with pytest.raises((NincostError, ValueError)):
        recorded(Bad(), "4", 2, A100)
    assert plain_dropout() == before
    assert not torch.is_autocast_enabled("privateuseone")
    assert not torch.is_autocast_enabled("cuda")


def test_two_threads_record_at_once() -> None:
    nets = [
        nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)),
        nn.Sequential(nn.Linear(4, 4), nn.RMSNorm(4)),
    ]
    alone = [operators(recorded(net, "4", 2, A100)) for net in nets]
    found: dict[int, Any] = {}

    def run(index: int) -> None:
        found[index] = [operators(recorded(nets[index], "4", 2, A100)) for _ in range(5)]

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[index] for index in range(2)] == [[alone[0]] * 5, [alone[1]] * 5]
