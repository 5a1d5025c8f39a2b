"""A prediction beside PyTorch's own CUDA code: where both agree, and where they part."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.emulated import needs_emulator

import nincost
from nincost._emulator.verification.changes import Change
from nincost._emulator.verification.emulated_step import EmulatedStep
from nincost._emulator.verification.results import Verification

OPTIONS = {"arg": {"in_features": 64, "out_features": 32}, "input": "64", "batch_size": 16}
COMMAND = (
    "memory", "torch.nn:Linear", "--arg", "in_features=64", "--arg", "out_features=32",
    "--input", "64", "--batch-size", "16", "--gpu", "rtx3090", "--optimizer", "AdamW",
)  # fmt: skip


@needs_emulator
def test_the_command_runs_the_step_in_pytorchs_own_code(nincost_cli: Any) -> None:
    done = nincost_cli(*COMMAND, "--verify", "--format", "json")
    assert done.status == 0, done.err
    document = json.loads(done.out)
    totals = document["totals"]
    assert totals["agrees"] is True
    assert document["difference"] is None
    assert totals["predicted_allocated_bytes"] == totals["emulated_allocated_bytes"] > 0
    assert totals["predicted_reserved_bytes"] == totals["emulated_reserved_bytes"] > 0
    assert totals["changes"] > 20


@pytest.fixture
def parted(monkeypatch: pytest.MonkeyPatch) -> Verification:
    """PyTorch would make the linear layer's output twice as large."""

    def run(request: Any, steps: int, **options: Any) -> EmulatedStep:
        from nincost._emulator.verification.changes import predicted
        from nincost._memory.predict import predict

        simulation = predict(request).simulation
        changes = predicted(simulation.events, simulation.layers)
        place = next(n for n, one in enumerate(changes) if one.operator == "aten.addmm")
        changes[place] = Change(2 * changes[place].bytes, line="linear.py:9")
        return EmulatedStep(simulation.peak + 2048, simulation.reserved, "", tuple(changes))

    monkeypatch.setattr("nincost._emulator.verification.verify.run_emulated_step", run)
    return nincost.verify("torch.nn:Linear", gpu="rtx3090", **OPTIONS)


def test_where_they_part_is_named(parted: Verification) -> None:
    assert (parted.exit_status, parted.totals.agrees) == (1, False)
    one = parted.difference
    assert one is not None
    # 16 x 32 float32.
    assert (one.predicted_bytes, one.emulated_bytes) == (2048, 4096)
    assert (one.operator, one.phase, one.step, one.line) == (
        "aten.addmm",
        "forward",
        1,
        "linear.py:9",
    )
    for text in (str(parted), parted.to_markdown()):
        assert "DIFFERS: predicted less emulated, peak allocated by -2,048 bytes" in text
        assert "predicted allocates 2,048 bytes by aten.addmm (activations)" in " ".join(
            text.split()
        )
        assert "PyTorch allocates 4,096 bytes at linear.py:9" in " ".join(text.split())
    first, second = parted.to_csv().splitlines()[1:]
    assert first.startswith("peak_allocated,")
    assert first.endswith(",-2048")
    assert second.endswith(",0")
    assert "DIFFERS" in parted.to_html()


def test_it_goes_with_no_other_question(nincost_cli: Any) -> None:
    done = nincost_cli(*COMMAND, "--verify", "--what-if", "one-1x1")
    assert done.status == 2
    assert "--verify and --what-if are both given" in done.err
