"""Published training steps against what torch 2.6's own CUDA code reserves for them.

benchmarks/published_emulated.py made the figures, with CUDA emulated and no workspaces for
convolutions, so that they depend on no cuDNN. No code of nincost had a part in them.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._memory.device_allocations import device_allocations
from nincost._memory.record import record
from nincost._memory.replay import simulate
from nincost._models.sources import resolve
from nincost._step.step_options import Step

DATA = Path(__file__).parents[2] / "benchmarks" / "data" / "published_emulated.csv"


@pytest.mark.parametrize(
    ("name", "optimizer", "batch"),
    [
        ("mnasnet1_0", "SGD", 700),
        ("mobilenet_v3_large", "Adagrad", 200),
        ("convnext_tiny", "Adam", 200),
        ("convnext_tiny", "RMSprop", 300),
    ],
)
def test_reserves_what_torch_does(name: str, optimizer: str, batch: int) -> None:
    pytest.importorskip("torchvision")
    with DATA.open(newline="") as file:
        rows = {
            (row["model"], row["optimizer"], int(row["batch_size"])): int(row["reserved_none"])
            for row in csv.DictReader(file)
        }
    model = resolve(
        f"torchvision:{name}", None if name.startswith("convnext") else {"num_classes": 10}
    )
    step = Step(
        model,
        input="3x86x86",
        batch_size=batch,
        optimizer=optimizer,
        optimizer_arg={"lr": 0.001},
        zero_grad_before_forward=True,
        hold_output=True,
        steps=4,
    )
    target = Target(gpu=get_gpu("rtx3060"), workspace="none")
    assert (
        simulate(device_allocations(record(step, target), target), repeat=False).reserved
        == rows[name, optimizer, batch]
    )
