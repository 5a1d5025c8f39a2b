"""Losses and optimizers that are named by a place of the output, a file or a module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.emulated import answer, needs_emulator
from torch import Tensor, nn

import nincost

CODE = '''
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    """Its output holds two losses beside the scores."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64))

    def forward(self, x):
        scores = self.layers(x)
        return {"scores": scores, "losses": [scores.sum(), (scores * scores).mean()]}


def second(output):
    return output["losses"][1]


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023: the sign of a moving average."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99)):
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["mean"] = torch.zeros_like(p)
                first, second = group["betas"]
                update = (state["mean"] * first + p.grad * (1 - first)).sign_()
                p.add_(update, alpha=-group["lr"])
                state["mean"].mul_(second).add_(p.grad, alpha=1 - second)
'''

ON_THE_CARD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import torch
from named import Lion, Net, second
net = Net().cuda()
x = torch.zeros(512, 64, device="cuda")
optimizer = Lion(net.parameters())
for _ in range(4):
    output = net(x)
    loss = second(output)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    del output, loss
print(json.dumps([torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()]))
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "named.py").write_text(CODE)
    return str(tmp_path / "named.py")


@needs_emulator
def test_they_take_what_a_script_takes(file: str) -> None:
    truth = answer(ON_THE_CARD, str(Path(file).parent))
    for loss in (f"{file}:second", "output['losses'][1]"):
        totals = nincost.memory(
            f"{file}:Net", input="64", batch_size=512, loss=loss, optimizer=f"{file}:Lion",
            gpu="h100",
        ).totals  # fmt: skip
        assert [totals.peak_allocated_bytes, totals.peak_reserved_bytes] == truth


class Own(nn.Module):
    """Gives its loss behind its scores."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(32, 32)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.layer(x)
        return scores, scores.square().mean()


def test_the_models_own_loss_is_found_or_pointed_at() -> None:
    asked: dict[str, Any] = {"input": "32", "batch_size": 64}
    whole = nincost.memory(Own(), loss=lambda output: output[1], **asked).totals
    for loss in ("none", "output[1]"):
        assert nincost.memory(Own(), loss=loss, **asked).totals == whole


def test_an_optimizers_class_is_its_name(file: str) -> None:
    class Sgd(torch.optim.SGD):
        pass

    shown = nincost.memory(Own(), input="32", optimizer=torch.optim.Adam).settings["optimizer"]
    assert shown == "Adam"
    titled = nincost.memory(Own(), input="32", optimizer=f"{file}:Lion")
    assert f"with {file}:Lion" in str(titled).replace("\n", " ")
    assert json.loads(titled.to_json())["settings"]["optimizer"] == f"{file}:Lion"
