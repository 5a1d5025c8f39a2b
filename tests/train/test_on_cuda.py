"""What only a GPU shows: the same twice, memory as predicted, a loader that does not limit it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.trainings import figures

from nincost._train.data import synthetic
from nincost._train.results import Training
from nincost._train.train import train

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
]


def trained(**changes: Any) -> Training:
    options: dict[str, Any] = {
        "data": synthetic(6000, 1000), "epochs": 2, "device": "cuda", **changes,
    }  # fmt: skip
    return train("two-1x1", **options)


def test_one_seed_gives_the_same_twice() -> None:
    one, two = trained(), trained()
    if not [note for note in one.notes if "not the same each time" in note]:
        assert figures(one) == figures(two)
    else:
        assert one.last.test_loss == pytest.approx(two.last.test_loss, rel=0.05)


def test_memory_is_near_the_prediction_and_the_loader_does_not_limit() -> None:
    result = trained()
    assert result.memory.measured_bytes is not None
    assert result.memory.predicted_bytes == pytest.approx(result.memory.measured_bytes, rel=0.1)
    assert result.speed.loading_share < 0.2


@pytest.mark.parametrize("amp", ["float16", "bfloat16"])
def test_half_precision_trains(amp: str) -> None:
    assert trained(amp=amp, optimizer="Adam", lr=0.001).last.train_loss < 2.35
