"""Mistakes put in by the benchmark's generator are named, and its fit keeps what names more."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType

import pytest

from nincost._audit.weights import Weights

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


def test_the_injected_mistake_is_named_first(benchmark: ModuleType) -> None:
    counts = benchmark.run(benchmark.exercises(7, 1, 25, ("one-1x1", "cifar10")))
    hits, single = counts.share("single")
    pairs, double = counts.share("double")
    assert single > 300
    assert hits >= 0.99 * single
    assert pairs >= 0.95 * double
    assert counts.wrong_called_right == 0
    assert counts.right_called_wrong == 0


def test_a_fit_mends_a_weight_that_is_far_off(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A value that belongs to no layer has nearly no penalty, so that each wrong term is taken for
    # one, beside a missing layer, until the fit makes the weight large again.
    one_weight = [field for field in fields(Weights) if field.name == "unknown"]
    monkeypatch.setattr(benchmark, "fields", lambda _: one_weight)
    monkeypatch.setattr(benchmark, "STEPS", (0.5, 100.0))
    given = benchmark.exercises(7, 1, 5, ("zero-1x1",))
    broken = replace(Weights(), unknown=0.09)
    before = benchmark.run(given, broken)
    fitted, trials = benchmark.fit(given, broken, 1)
    after = benchmark.run(given, fitted)
    assert fitted == Weights()
    assert [(trial.weight, trial.value) for trial in trials] == [("unknown", 0.045), ("unknown", 9)]
    assert before.named < after.named == trials[1].named
    report = benchmark.fit_report(fitted, trials, {7: (before, after)})
    assert f"| unknown | 9 | 9 | 0.045: {trials[0].named}, 9: {after.named} |" in report
    assert f"{before.share('single')[0]} of {before.share('single')[1]} named first" in report
