"""Compare predicted memory with published measurements of real training steps.

    python benchmarks/published_memory.py [--output reports/published_memory.md]

The measurements, and what two other estimators predicted for the same runs, are in
benchmarks/data/measured_training_memory.csv, with their source; what PyTorch 2.6's own code takes
for them is in published_emulated.csv beside it, made by published_emulated.py. No constant of
nincost was fitted to any: rules come from PyTorch's sources and, for workspaces, from the installed
cuDNN's answers. Six rows are those that nincost is held to; the others tell whether they are like
the rest.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import statistics
import sys
import time
from pathlib import Path

import torch
from published_text import ANALYSIS, ASSUMPTIONS, EMULATED

from nincost._devices.cards import get_gpu
from nincost._devices.libraries.cudnn_plans import ConvPlans
from nincost._devices.target import Target
from nincost._memory.device_allocations import device_allocations
from nincost._memory.record import record
from nincost._memory.replay import simulate
from nincost._models.sources import resolve
from nincost._step.step_options import Step
from nincost._trace.recording import Recording

DATA = Path(__file__).parent / "data"
MIB = 2**20


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A published run and what was predicted for it, in bytes of reserved memory."""

    name: str
    optimizer: str
    batch: int
    measured: int
    xmem: int
    dnnmem: int
    group: str
    #: Held by the model alone, in PyTorch 2.6, and then the most in its steps, by whose workspaces.
    model_bytes: int
    emulated: dict[str, int]
    predicted: dict[str, int] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    def error(self, value: int) -> float:
        """Percent above (or below) the measurement."""
        return 100 * (value / self.measured - 1)

    def outside(self, value: int) -> float:
        """Percent outside of what the measurement allows: that, up to the model's bytes more."""
        most = self.measured + self.model_bytes
        return 100 * (max(value - most, 0) + min(value - self.measured, 0)) / self.measured


def _table_of(name: str) -> list[dict[str, str]]:
    """A data file's lines, without its comments."""
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def read_rows() -> list[Row]:
    """The published runs but for repeats, nothing predicted yet."""
    key = ("model", "optimizer", "batch_size")
    own = {tuple(line[name] for name in key): line for line in _table_of("published_emulated.csv")}
    rows = []
    for line in _table_of("measured_training_memory.csv"):
        if line["set"] == "repeat":
            continue
        beside = own[tuple(line[name] for name in key)]
        rows.append(
            Row(
                line["model"], line["optimizer"], int(line["batch_size"]),
                int(line["measured_bytes"]), int(line["xmem_bytes"]), int(line["dnnmem_bytes"]),
                line["set"], int(beside["model_bytes"]),
                {source: int(beside[f"reserved_{source}"]) for source in ("none", "9.8", "9.24")},
            )
        )  # fmt: skip
    return rows


def recorded(name: str, optimizer: str, batch: int, target: Target) -> Recording:
    """The published loop's steps, recorded."""
    small = name.startswith(("mnasnet", "mobilenet"))
    model = resolve(f"torchvision:{name}", {"num_classes": 10} if small else None)
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
    return record(step, target)


def predict(name: str, optimizer: str, batch: int, target: Target) -> dict[str, int]:
    """Peak reserved bytes without, with the model of, and with the most of cuDNN's workspaces."""
    recording = recorded(name, optimizer, batch, target)
    found = {}
    for workspace in ("model", "none", "cap"):
        timeline = device_allocations(recording, dataclasses.replace(target, workspace=workspace))
        found[workspace] = simulate(timeline, repeat=False).reserved
    return found


def run() -> list[Row]:
    """All rows but repeats, each timed from the model's name to the three peaks."""
    target = Target(gpu=get_gpu("rtx3060"))
    predict("resnet18", "SGD", 2, target)  # imports are not counted
    rows = []
    for row in read_rows():
        start = time.perf_counter()
        found = predict(row.name, row.optimizer, row.batch, target)
        seconds = time.perf_counter() - start
        rows.append(dataclasses.replace(row, predicted=found, seconds=seconds))
        print(f"{row.name} {row.optimizer} {row.batch}: {seconds:.2f} s", file=sys.stderr)
    return rows


def _table(rows: list[Row]) -> list[str]:
    """Rows, then their medians and worst."""
    lines = [
        "| model | optimizer | batch | measured | nincost | error | none | cap | xMem | DNNMem "
        "| seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        errors = [row.error(row.predicted[kind]) for kind in ("model", "none", "cap")]
        others = [row.error(row.xmem), row.error(row.dnnmem)]
        lines.append(
            f"| {row.name} | {row.optimizer} | {row.batch} | {row.measured / MIB:.0f} "
            f"| {row.predicted['model'] / MIB:.0f} | "
            + " | ".join(f"{error:+.1f}" for error in (*errors, *others))
            + f" | {row.seconds:.2f} |"
        )
    heads = "| | nincost | none | cap | xMem | DNNMem |"
    lines += ["", heads, "| --- | ---: | ---: | ---: | ---: | ---: |"]
    columns = [
        [abs(row.error(row.predicted[kind])) for row in rows] for kind in ("model", "none", "cap")
    ]
    columns += [[abs(row.error(row.xmem)) for row in rows]]
    columns += [[abs(row.error(row.dnnmem)) for row in rows]]
    for title, pick in (("median error", statistics.median), ("worst error", max)):
        lines.append(f"| {title} | " + " | ".join(f"{pick(c):.1f}" for c in columns) + " |")
    return lines


def _own_table(rows: list[Row]) -> list[str]:
    """What PyTorch 2.6's own code takes, in MiB, and how far outside the measurements that is."""
    lines = [
        "| model | optimizer | batch | measured | with the model | none | 9.8 | 9.24 | nincost "
        "| outside: none | 9.8 | nincost |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        told = (row.emulated["none"], row.emulated["9.8"], row.emulated["9.24"])
        sizes = (row.measured, row.measured + row.model_bytes, *told, row.predicted["model"])
        out = [row.outside(value) for value in (*told[:2], row.predicted["model"])]
        lines.append(
            f"| {row.name} | {row.optimizer} | {row.batch} | "
            + " | ".join(f"{size / MIB:.0f}" for size in sizes)
            + " | "
            + " | ".join(f"{value:+.1f}" if value else "0" for value in out)
            + " |"
        )
    return lines


def _own_words(rows: list[Row]) -> str:
    """How often nincost says what PyTorch's own code takes, and how far both are outside."""
    pairs = (("none", "none"), ("model", "9.24"))
    same = sum(all(row.predicted[a] == row.emulated[b] for a, b in pairs) for row in rows)
    apart = max(abs(row.predicted[a] - row.emulated[b]) for row in rows for a, b in pairs)
    goal = [abs(row.outside(row.predicted["model"])) for row in rows if row.group == "goal"]
    every = [abs(row.outside(row.predicted["model"])) for row in rows]
    return EMULATED.format(
        same=same, all=len(rows), apart=apart // MIB, inside=sum(value == 0 for value in every),
        median=statistics.median(goal), worst=max(goal), median_all=statistics.median(every),
    )  # fmt: skip


def report(rows: list[Row]) -> str:
    """The table, in Markdown, with the medians and the worst."""
    lines = [
        "# Predicted memory against published measurements",
        "",
        f"torch {torch.__version__}; workspaces by {ConvPlans(get_gpu('rtx3060')).source}. Made by "
        "`python benchmarks/published_memory.py`; data and source in "
        "[measured_training_memory.csv](../benchmarks/data/measured_training_memory.csv).",
        "",
        "Reserved memory in MiB; errors in percent of what was measured. `none` and `cap` say how "
        "far it depends on cuDNN's choice of plans: with no convolution workspaces at all, and "
        "with copies of all tensors in each.",
        "",
        *_table([row for row in rows if row.group == "goal"]),
        "",
        "## More rows of the same table",
        "",
        "Further runs of these models, none left out that was read; they were not looked at while "
        "rules were written.",
        "",
        *_table([row for row in rows if row.group == "further"]),
        "",
        "## The same rows in torch 2.6's own code",
        "",
        _own_words(rows),
        *_own_table(rows),
    ]
    parts = ["", "## Where it errs", "", ANALYSIS, "## Assumptions", "", ASSUMPTIONS]
    return "\n".join([*lines, *parts]).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="also write the report to this file")
    options = parser.parse_args()
    text = report(run())
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
