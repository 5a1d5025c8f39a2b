"""Layouts that are known without asking torch are the ones that torch's own kernels give."""

from __future__ import annotations

from typing import Any

import pytest

from nincost._devices.target import Target
from nincost._memory import storage_tracker as follow
from nincost._memory.record import record
from nincost._models.sources import resolve
from nincost._step.step import Step
from nincost._trace import layouts
from nincost._trace.recording import Ran


def operators(name: str, options: dict[str, Any]) -> list[tuple[str, Any]]:
    step = Step(resolve(name), batch_size=4, steps=2, **options)
    entries = record(step, Target("cuda")).entries
    return [(e.signature.name, e.signature.outputs) for e in entries if isinstance(e, Ran)]


@pytest.mark.parametrize("options", [{}, {"amp": "bfloat16", "optimizer": "AdamW"}])
@pytest.mark.parametrize("name", ["two-1x1", "torchvision:resnet18", "torchvision:vit_b_16"])
def test_as_torchs_kernels(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = operators(name, options)
    monkeypatch.setattr(follow, "shortcut", lambda *_: NotImplemented)
    for operator in list(layouts.LAYOUTS):
        monkeypatch.delitem(layouts.LAYOUTS, operator)
    assert operators(name, options) == known
