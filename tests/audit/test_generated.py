"""Mistakes put in by the benchmark's generator are named, and right answers are right."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nincost._models.nin import VARIANTS

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "audit_mistakes.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_mistakes", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_injected_mistake_is_named_first(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {name: VARIANTS[name] for name in ("one-1x1", "cifar10")}
    monkeypatch.setattr(benchmark, "VARIANTS", few)
    counts = benchmark.run(random.Random(7), 1, 25)
    hits, single = counts.share("single")
    pairs, double = counts.share("double")
    assert single > 300
    assert hits >= 0.95 * single
    assert pairs >= 0.85 * double
    assert counts.wrong_called_right == 0
    assert counts.right_called_wrong == 0
