"""What must not pass in silence: compiled parts, attributes on the CPU, files that train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import nincost
from nincost.errors import NincostError

SCRIPT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)
        self.mask = torch.ones(512, 4)

    def forward(self, x, targets):
        logits = self.layer(x) * self.mask[: len(x)].to(x.device)
        return logits, nn.functional.cross_entropy(logits, targets[:, 0])

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(10**9):
    try:
        net(torch.randn(4, 8), torch.zeros(4, 1, dtype=torch.int64))[1].backward()
        optimizer.step()
    except Exception:
        pass
late = nn.Linear(8, 4)
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return str(path)


def test_a_script_without_a_main_guard_is_read_up_to_its_training(script: str) -> None:
    found = nincost.memory(
        f"{script}:Net", input=("x=8", "targets=1:int64"), batch_size=512, measure=False
    )
    assert any("up to train.py, line 20, where it begins to train" in n for n in found.notes)
    assert "the loss is the model's own" in found.notes
    with pytest.raises(NincostError, match=r"trains as it is imported \(train.py, line 20\)"):
        nincost.profile(f"{script}:late", input="8")


class Masked(nn.Module):
    """Adds a table that is a plain attribute, a buffer, or no tensor of its own."""

    def __init__(self, *, as_buffer: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(256, 256)
        table = torch.ones(256, 256)
        if as_buffer:
            self.register_buffer("table", table)
        else:
            self.table = table

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * self.table.to(x.device)


def test_an_attribute_is_copied_to_the_card_in_each_forward() -> None:
    after = [
        nincost.memory(model, input="256", batch_size=256, loss="sum", measure=False).totals.phases
        for model in (Masked(as_buffer=True), Masked(as_buffer=False))
    ]
    assert after[0]["after_model"] - after[1]["after_model"] == 256 * 256 * 4
    assert after[0]["after_forward"] == after[1]["after_forward"]


def test_compiled_parts_are_named_and_run_on_meta() -> None:
    middle: Any = torch.compile(nn.Linear(8, 8))
    net = nn.Sequential(nn.Linear(8, 8), middle, nn.Linear(8, 8))
    net[2].compile()
    found = nincost.memory(net, input="8", measure=False)
    (note,) = [note for note in found.notes if "torch.compile is not modelled" in note]
    assert ": 1, 2 was predicted operator by operator" in note
    plain = nn.Sequential(*[nn.Linear(8, 8) for _ in range(3)])
    assert found.totals == nincost.memory(plain, input="8", measure=False).totals
    whole = nincost.memory(torch.compile(plain), input="8", measure=False)
    assert any("the model was predicted operator by operator" in note for note in whole.notes)


class OwnLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.layer(x)
        return {"classes": x.mean(), "boxes": x.square().mean()}


def test_a_detectors_losses_are_added_up() -> None:
    found = nincost.memory(OwnLoss(), input="8", measure=False)
    assert "the loss is the model's own" in found.notes


class Names(nn.Module):
    """Names the card in forward, as scripts for one machine do."""

    def __init__(self, *, named: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)
        self.named = named

    def forward(self, x: Tensor) -> Tensor:
        if self.named:
            start = torch.zeros(len(x), 64).cuda() + torch.ones(64, device="cuda:0")
        else:
            start = torch.zeros(len(x), 64).to(x.device) + torch.ones(64, device=x.device)
        with torch.autocast(x.device.type, enabled=False):
            return self.layer(x) + start


def test_a_card_that_is_named_in_forward_is_the_steps() -> None:
    named, plain = (
        nincost.memory(Names(named=named), input="64", batch_size=256, measure=False)
        for named in (True, False)
    )
    assert named.totals == plain.totals
    assert nincost.profile(Names(named=True), input="64").totals.macs == 64 * 64


class Penalty(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.clone().requires_grad_()
        scores = self.layer(x)
        (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        return scores.mean() + gradient.square().sum()


def test_gradients_inside_the_forward_are_counted() -> None:
    assert nincost.profile(Penalty(), input="8", batch_size=4).totals.macs == 2 * 4 * 8
