"""Sets predictions beside what `on_gpu.py` measured, and writes the report.

    python benchmarks/report_on_gpu.py benchmarks/data/h100 --gpu h100 --report reports/h100.md

No GPU is needed: with the torch of the measurement, steps are predicted anew. In the folder,
`scripts-emulated.json` is what `nincost run` said of the scripts
(`on_gpu_parts/scripts.py emulated`), `operators-emulated.jsonl.gz` what it said of the operators.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch

import nincost
from nincost._devices.cards import get_gpu
from nincost._devices.libraries.conv_descriptor import ConvDescriptor, conv_from_plain
from nincost._devices.libraries.cudnn_plans import plans_on

#: The columns that describe a convolution.
CONVOLUTION = tuple(ConvDescriptor.__dataclass_fields__)

#: What a row says of a step, beside its model and batch.
NOT_SAID = {"input", "loss", "optimizer_arg", "arg"}


def predicted(row: dict[str, Any], gpu: str, configs: Path) -> tuple[int, int] | str:
    """Peak allocated and reserved of a step; why not, where it cannot be predicted."""
    source = row["source"]
    if isinstance(source, dict):
        folder = configs / row["model"]
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(source))
        source = f"hf:{folder}"
    try:
        found = nincost.memory(
            source, batch_size=row["batch"], gpu=gpu, measure=False, **row["options"]
        )
    except nincost.NincostError as error:
        return str(error).partition(": ")[2][:120]
    return found.totals.peak_allocated_bytes, found.totals.peak_reserved_bytes


def steps(folder: Path, gpu: str) -> Iterator[tuple[dict[str, Any], tuple[int, int] | str]]:
    with tempfile.TemporaryDirectory() as configs:
        for line in (folder / "steps.jsonl").read_text().splitlines():
            row = json.loads(line)
            if "error" not in row:
                yield row, predicted(row, gpu, Path(configs))


def memory_part(folder: Path, gpu: str) -> list[str]:
    """Peaks of steps: a line for each, and the errors in words."""
    lines = [
        "## Peak memory of training steps", "",
        "Bytes; predicted by `nincost memory` without a GPU, errors in percent of what was "
        "measured.", "",
        "| model | batch | step | allocated | predicted | error | reserved | error |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    errors: list[tuple[float, float]] = []
    refused = []
    for row, found in steps(folder, gpu):
        name = f"{row['model']} at batch {row['batch']}, {words(row)}"
        if isinstance(found, str):
            refused.append(f"- Not predicted: {name}: {found}")
            continue
        real = row["peak_allocated_bytes"], row["peak_reserved_bytes"]
        both = found[0] / real[0] - 1, found[1] / real[1] - 1
        errors.append(both)
        lines.append(
            f"| {row['model']} | {row['batch']} | {words(row)} | {real[0]:,} | {found[0]:,} | "
            f"{percent(both[0])} | {real[1]:,} | {percent(both[1])} |"
        )
    lines.append("")
    for number, what in enumerate(("Allocated", "Reserved")):
        sizes = sorted(abs(error[number]) for error in errors)
        exact = sum(size == 0 for size in sizes)
        lines.append(
            f"- {what}: median error {median(sizes):.3%}, nine of ten within "
            f"{sizes[int(0.9 * len(sizes))]:.2%}, worst {sizes[-1]:.2%}; {exact} of {len(sizes)} "
            "to the byte"
        )
    return [*lines, *refused, ""]


def words(row: dict[str, Any]) -> str:
    said = {key: value for key, value in row["options"].items() if key not in NOT_SAID}
    return ", ".join(key if value is True else str(value) for key, value in said.items())


def percent(share: float) -> str:
    return "0" if share == 0 else f"{share:+.3%}"


def convolutions_part(folder: Path, gpu: str) -> list[str]:
    """Engines and workspaces of convolutions, beside what cuDNN says here for that card."""
    with gzip.open(folder / "convolutions.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    plans = plans_on(get_gpu(gpu))
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        conv = conv_from_plain({name: json.loads(row[name]) for name in CONVOLUTION})
        found = plans.workspace(conv)
        layout = "channels last" if conv.channels_last else "channels first"
        count = counts[f"{conv.kind.replace('_', ' ')}, {layout}"]
        count[0] += 1
        count[1] += found.engine == int(row["engine"])
        count[2] += rounded(found.bytes or 0) == rounded(int(row["workspace"]))
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    return [
        "## Convolutions", "",
        f"The plan that cuDNN proposed on the card, beside the one of {plans.source} without it: "
        "of how many convolutions the engine is the same, and the workspace (in the allocator's "
        "512 bytes).", "",
        "| what | convolutions | engine | workspace |", "| --- | ---: | ---: | ---: |",
        *(f"| {name} | {a} | {b} | {c} |" for name, (a, b, c) in sorted(counts.items())),
        f"| all | {total[0]} | {total[1]} | {total[2]} |", "",
    ]  # fmt: skip


def rounded(size: int) -> int:
    """As the allocator rounds it."""
    return -(-size // 512)


def operators_part(folder: Path) -> list[str]:
    """Peaks of single operators, and by `nincost run`."""
    real, emulated = (
        {
            (row["group"], row["case"]): row
            for line in gzip.decompress((folder / name).read_bytes()).splitlines()
            if "case" in (row := json.loads(line)) and row["peaks"]
        }
        for name in ("operators.jsonl.gz", "operators-emulated.jsonl.gz")
    )
    groups: dict[str, list[float]] = defaultdict(list)
    for (group, case), row in real.items():
        other = emulated.get((group, case))
        if other is not None:
            groups[group].append(abs(other["peaks"][1] / max(1, row["peaks"][1]) - 1))
    return [
        "## Operators", "",
        "What operators allocate by themselves (`benchmarks/on_gpu_parts/operators.py`), on the "
        "GPU and by `nincost run`: of how many the peak is the same to the byte.", "",
        "| group | operators | same | median error |", "| --- | ---: | ---: | ---: |",
        *(
            f"| {name} | {len(errors)} | {errors.count(0)} | {median(errors):.1%} |"
            for name, errors in groups.items()
        ),
        "",
    ]  # fmt: skip


def scripts_part(folder: Path) -> list[str]:
    """Scripts for real and by `nincost run`."""
    real = json.loads((folder / "scripts-real.json").read_text())
    emulated = json.loads((folder / "scripts-emulated.json").read_text())
    lines = [
        "## Training scripts", "",
        "The scripts of `benchmarks/on_gpu_parts/scripts`, on the GPU and by `nincost run "
        "--until-exit`; the times of a step in ms, on the GPU between two steps of the optimizer, "
        "and by `nincost run --time`, which knows a host that launches and none that draws or "
        "loads images (nin, convnext_tiny, lightning) or whose cores import for others.", "",
        "| script | allocated | emulated | error | reserved | error | step | predicted | error |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for line, row in real.items():
        other = emulated.get(line, {})
        if not row.get("allocated") or not other.get("allocated"):
            why = other.get("error") or row.get("error") or "not run"
            lines.append(f"| {line} | {row.get('allocated', 0):,} | {why} | | | | | | |")
            continue
        errors = [other[key] / row[key] - 1 for key in ("allocated", "reserved")]
        times = ["", "", ""]
        if row.get("step_seconds") and other.get("step_seconds"):
            both = row["step_seconds"], other["step_seconds"]
            times = [
                f"{both[0] * 1e3:.1f}",
                f"{both[1] * 1e3:.1f}",
                f"{both[1] / both[0] - 1:+.0%}",
            ]
        lines.append(
            f"| {line} | {row['allocated']:,} | {other['allocated']:,} | {percent(errors[0])} | "
            f"{row['reserved']:,} | {percent(errors[1])} | {' | '.join(times)} |"
        )
    return [*lines, ""]


def times_part(folder: Path) -> list[str]:
    """Step times as measured: no prediction."""
    lines = [
        "## Step times", "",
        "Medians of steps that ran one after another, by CUDA events; `host` is the time in which "
        "the host launches a step.", "",
        "| model | batch | step | ms | examples/s | forward | backward | optimizer | host |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for line in (folder / "steps.jsonl").read_text().splitlines():
        row = json.loads(line)
        if "error" in row:
            continue
        parts = [row["phases"].get(name, 0) for name in ("forward", "backward", "step")]
        cells = [row["step_seconds"], *parts, row["host_seconds"]]
        shown = [f"{1000 * cell:.2f}" for cell in cells]
        rate = row["batch"] / row["step_seconds"]
        lines.append(
            f"| {row['model']} | {row['batch']} | {words(row)} | {shown[0]} | {rate:,.0f} | "
            + " | ".join(shown[1:]) + " |"
        )  # fmt: skip
    return [*lines, ""]


def training_part(folder: Path) -> list[str]:
    lines = ["## Trainings on Fashion-MNIST", ""]
    rates = {}
    for path in sorted(folder.glob("train-*.json")):
        found = json.loads(path.read_text())
        speed, totals = found["speed"], found["totals"]
        rates[found["model"]] = speed["examples_per_second"]
        lines.append(
            f"- {found['model']}: {speed['examples_per_second']:,.0f} examples a second, "
            f"{totals['epochs']} epochs in {totals['seconds']:.1f} s, test accuracy "
            f"{totals['test_accuracy']:.3f}"
        )
    if {"two-1x1", "one-1x1"} <= set(rates):
        lines.append(
            f"- The textbook's ratio, two to one 1x1 convolutions: "
            f"{rates['two-1x1'] / rates['one-1x1']:.2f} here, 0.73 on its readers' card"
        )
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gpu", default="h100")
    parser.add_argument("--report", type=Path, required=True)
    given = parser.parse_args()
    stamp = json.loads((given.folder / "stamp.json").read_text())
    lines = [
        f"# Measured on one {stamp['gpu']}", "",
        f"By `python benchmarks/on_gpu.py`, {stamp['date']}: torch {stamp['torch']}, CUDA "
        f"{stamp['cuda']}, cuDNN {stamp['cudnn']}; driver, clocks and power limit: "
        f"{stamp['driver, clocks, power limit']}. Predictions by `python "
        f"benchmarks/report_on_gpu.py {given.folder}` with torch {torch.__version__}.", "",
    ]  # fmt: skip
    lines += memory_part(given.folder, given.gpu)
    lines += convolutions_part(given.folder, given.gpu)
    lines += operators_part(given.folder)
    lines += scripts_part(given.folder)
    lines += training_part(given.folder)
    lines += times_part(given.folder)
    given.report.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
