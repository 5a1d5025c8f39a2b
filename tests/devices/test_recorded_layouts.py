"""Whole steps recorded with the declared layouts, and with none: torch's kernels give the same."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from nincost._devices.tables import DeviceTables, device_tables
from nincost._devices.target import Target
from nincost._memory import record as record_module
from nincost._memory.record import record
from nincost._models.sources import resolve
from nincost._step.step_options import Step
from nincost._trace.recording import Ran


class Dropouts(nn.Module):
    """Channels-last and row-major tensors through what CUDA has layouts of its own for."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        self.head = nn.Linear(4, 10)

    def forward(self, x: Any) -> Any:
        x = nn.functional.mish(nn.functional.dropout(self.conv(x), 0.1))
        return nn.functional.dropout(self.head(x.mean((2, 3))), 0.5)


def operators(name: Any, options: dict[str, Any]) -> list[tuple[str, Any]]:
    given = {"input": "3x9x9"} if isinstance(name, nn.Module) else {}
    step = Step(resolve(name), batch_size=4, steps=2, **given, **options)
    entries = record(step, Target("cuda")).entries
    return [(e.signature.name, e.signature.outputs) for e in entries if isinstance(e, Ran)]


def without_layouts(device: Any) -> DeviceTables:
    """A device's tables as if no layout were known; but for what torch itself has no kernel for."""
    tables = device_tables(device)
    kept = ("aten.mish_backward.default", "aten._fused_rms_norm.default")
    return dataclasses.replace(
        tables,
        operators={
            name: known if name in kept else dataclasses.replace(known, layout=None, in_place=None)
            for name, known in tables.operators.items()
        },
    )


@pytest.mark.parametrize("options", [{}, {"amp": "bfloat16", "optimizer": "AdamW"}])
@pytest.mark.parametrize(
    "name", ["two-1x1", "torchvision:resnet18", "torchvision:vit_b_16", Dropouts()], ids=str
)
def test_as_torchs_kernels(
    name: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = operators(name, options)
    monkeypatch.setattr(record_module, "device_tables", without_layouts)
    assert operators(name, options) == known
