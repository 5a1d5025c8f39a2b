"""The casts are the ones that torch's own autocast makes, seen on fake CUDA tensors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from nincost._devices.target import Target
from nincost._memory.record import record
from nincost._models.build import Model
from nincost._step.step_options import Step
from nincost._trace.recording import Mark, Ran


class Casts(TorchDispatchMode):
    """Notes each cast: from, to, shape."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[torch.Size, torch.dtype, torch.dtype]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default and result.dtype is not args[0].dtype:
            self.seen.append((result.shape, args[0].dtype, result.dtype))
        return result


class Small(nn.Module):
    """A convolution, norms, matrix products and activations from each of autocast's lists."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.tied = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x).relu().mean((2, 3))
        x = self.norm(self.tied(self.tied(x)))
        x = x + torch.softmax(x @ x.mT, -1) @ x
        return self.head(x.exp())


@pytest.mark.parametrize("amp", ["float16", "bfloat16"])
def test_casts_of_the_forward_pass(amp: str) -> None:
    with FakeTensorMode(), torch.device("cuda"):
        module, x = Small(), torch.empty(4, 3, 8, 8)
        target = torch.empty(4, dtype=torch.int64)
        torch.set_autocast_enabled("cuda", True)
        torch.set_autocast_dtype("cuda", getattr(torch, amp))
        try:
            with Casts() as casts:
                nn.functional.cross_entropy(module(x), target)
        finally:
            torch.set_autocast_enabled("cuda", False)
            torch.clear_autocast_cache()
    step = Step(Model("small", Small()), input="3x8x8", batch_size=4, amp=amp, steps=1)
    seen, phase = [], ""
    for entry in record(step, Target("cuda")).entries:
        if isinstance(entry, Mark):
            phase = entry.phase
        elif isinstance(entry, Ran) and phase in ("forward", "loss"):
            old, new = entry.signature.args[0], entry.signature.outputs
            if entry.signature.name == "aten._to_copy" and new[0].dtype is not old.dtype:
                seen.append((new[0].shape, old.dtype, new[0].dtype))
    assert seen == casts.seen


def test_autocast_is_off_again() -> None:
    record(Step(Model("small", Small()), input="3x8x8", amp="float16"), Target("cuda"))
    x, w = torch.empty(2, 2, device="meta"), torch.empty(2, 2, device="meta")
    assert torch.mm(x, w).dtype is torch.float32
    assert not torch.is_autocast_enabled("privateuseone")
