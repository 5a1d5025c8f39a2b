"""One result of each kind, made once in a process."""

from __future__ import annotations

import functools
from collections.abc import Callable

import nincost
from nincost._emulator.verification.results import (
    Difference,
    Verification,
    VerificationTotals,
)
from nincost._measure.results import Measured
from nincost._plan.sweep_results import Sweep, SweepRow, SweepTotals
from nincost._result import Result
from nincost._train.compare_runs import RunComparison, SeedRun, TrainTable
from nincost._train.results import Epoch, Speed, StepMemory, Training
from nincost._train.run_list import PublishedFigures, RunEntry
from nincost._validate.results import Validation, ValidationRow
from support.made_up_script import made_up_run

TRAIN_SETTINGS = {
    "model": "a<b>", "arg": {}, "epochs": 3, "batch_size": 128, "lr": 0.1, "optimizer": "SGD",
    "optimizer_arg": {"momentum": 0.9}, "resize": 224, "channels": 1, "init": "xavier",
    "amp": None, "compile": False, "deterministic": True, "seed": 0, "limit": None,
    "test_limit": None,
}  # fmt: skip


def epoch_row(epoch: int) -> Epoch:
    """Epoch number `epoch` of `training`."""
    return Epoch(epoch, 2.5 / epoch, 0.2 * epoch, 2.2 / epoch, 0.25 * epoch, 60000, 40.0, 2.0)


@functools.cache
def training() -> Training:
    """Three epochs, made up; its names must be escaped."""
    return Training(
        model="a<b>", settings=TRAIN_SETTINGS,
        data={"name": "Fashion-MNIST", "train_examples": 60000, "test_examples": 10000,
              "classes": 10, "sha256": "0"},
        params=1992166, epochs=tuple(map(epoch_row, (1, 2, 3))),
        speed=Speed("NVIDIA A100-SXM4-40GB", 1500.0, 0.05, 762297352, 1490722448, (), 6.759e12,
                    156e12, "tf32", 0.0433),
        memory=StepMemory("NVIDIA A100-SXM4-40GB", 1024 * 2**20, 1000 * 2**20, 55 * 2**20),
        not_learning=False, unsaved="", notes=("something *odd*",), processes=1,
        environment={"torch": "2.14"},
    )  # fmt: skip


@functools.cache
def train_table() -> TrainTable:
    """A training with a run that failed, beside a published figure."""
    entry = RunEntry("tiny", {"model": "a<b>"}, (PublishedFigures("some_body", 0.5),))
    runs = (SeedRun(0, training()), SeedRun(1, None, "its loss is not finite"))
    return TrainTable((RunComparison(entry, runs),), {}, ("each training was run here",))


@functools.cache
def validation() -> Validation:
    """A case that was measured, 10% off, and one that failed."""
    predicted = nincost.memory("two-1x1", gpu="a100-40gb", measure=False)
    totals = predicted.totals
    measured = Measured(
        peak_allocated_bytes=int(totals.peak_allocated_bytes / 1.1),
        peak_reserved_bytes=totals.peak_reserved_bytes, process_bytes=None,
        peak_phase=totals.peak_phase, categories_at_peak=dict(totals.categories_at_peak),
        phases=dict(totals.phases), device="Some GPU", versions={"torch": "2.14.1"}, steps=4,
    )  # fmt: skip
    rows = (
        ValidationRow("two-1x1", predicted, measured),
        ValidationRow("no_such", None, None, "it & failed"),
    )
    return Validation("Some GPU", {"torch": "2.14.1"}, rows)


def verification() -> Verification:
    """Peaks that differ, and where."""
    return Verification(
        model="a<b>", input=("2x3",), batch_size=2, gpu="Some GPU", settings={},
        totals=VerificationTotals(4096, 6144, 2 << 20, 2 << 20, 30, agrees=False),
        difference=Difference(7, 1, "forward", "fc", "aten.addmm", "activations", 2048, 4096,
                              "linear.py:9"),
    )  # fmt: skip


#: How to make a result of each kind, by the command that gives it.
@functools.cache
def sweep() -> Sweep:
    """Two cells, made up, one of which failed; their names must be escaped."""
    figures = {"peak_allocated_bytes": 2**30, "peak_reserved_bytes": 2**30 + 2**21,
               "process_bytes": 3 * 2**29, "fits": True}  # fmt: skip
    given = {"batch_size": 8, "arg": {"kind": "<b>"}}
    return Sweep(
        rows=(
            SweepRow("memory", "a<b>", "rtx4090", given, "", figures, ("aten.odd",), 0.5),
            SweepRow("memory", "=c*d*", "rtx4090", given, "unknown model <c>: try a", {}, (), 0.0),
        ),
        totals=SweepTotals(2, 1, 0), journal="a.sweep.jsonl", environment={"torch": "2.14"},
    )  # fmt: skip


RESULTS: dict[str, Callable[[], Result]] = {
    "profile": functools.cache(lambda: nincost.profile("two-1x1")),
    "memory": functools.cache(lambda: nincost.memory("two-1x1", gpu="rtx3060", measure=False)),
    "fit": functools.cache(lambda: nincost.fit("two-1x1", gpu="2GiB")),
    "time": functools.cache(lambda: nincost.time("two-1x1", gpu="rtx3060", suggest=True)),
    "check": functools.cache(lambda: nincost.check("two-1x1")),
    "run": functools.cache(made_up_run),
    "explain": functools.cache(lambda: nincost.explain("two-1x1", layer="block1")),
    "explain_topic": functools.cache(lambda: nincost.explain(topic="rounding")),
    "audit": functools.cache(lambda: nincost.audit(params="96*(11*11*1+1) + 5 = 11717")),
    "compare": functools.cache(lambda: nincost.compare("two-1x1", "one-1x1")),
    "report": functools.cache(
        lambda: nincost.report("two-1x1", gpu="rtx3060", suggest=False, measure=False)
    ),
    "variants": functools.cache(nincost.variants),
    "verify": verification,
    "validate": validation,
    "train": training,
    "train_table": train_table,
    "sweep": sweep,
}
