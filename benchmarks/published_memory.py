"""Compare predicted memory with published measurements of real training steps.

    python benchmarks/published_memory.py [--output reports/published_memory.md]

The measurements, and what two other estimators predicted for the same runs, are in
benchmarks/data/measured_training_memory.csv, with their source. No constant of nincost was fitted
to them: rules come from PyTorch's sources and, for workspaces, from the installed cuDNN's answers.
Six rows are those that nincost is held to; the others tell whether these six are like the rest.
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

from nincost.footprint.gpus import get_gpu
from nincost.footprint.libraries.cudnn_plans import ConvPlans
from nincost.footprint.lower import lower
from nincost.footprint.player import play
from nincost.footprint.recording.record import record
from nincost.footprint.step.step import Step
from nincost.footprint.target import Target
from nincost.models.sources import resolve

DATA = Path(__file__).parent / "data" / "measured_training_memory.csv"
MIB = 2**20

ASSUMPTIONS = """\
- The GPU is an RTX 3060 (12 GiB, compute capability 8.6, 28 multiprocessors), float32 with TF32
  convolutions allowed, `cudnn.benchmark` off, PyTorch's default allocator settings.
- The loop, as its authors' repository has it: `zero_grad` first, then forward, cross-entropy,
  backward, step; four steps; the output and loss of the last step are held until the next ones.
- Heads of 10 classes for MNASNet and MobileNetV3, of 1000 for ConvNeXt; learning rate 0.001.
- What is predicted is `torch.cuda.max_memory_reserved()`. The figure that was published is the
  device's used memory (NVML, sampled each millisecond) less that before the run, so kernels and
  library handles that are loaded during the run are in it, and not in the prediction.
- They ran torch 2.6 with cuDNN 9.1; this runs the torch and cuDNN named above. cuDNN answers
  without a GPU from 9.8 on only, so 9.1 cannot be asked.
- One batch of inputs is there from the start; theirs is copied anew for each step.
"""

#: Written by hand, on the run of 2026-11-24 with torch 2.14.1 and cuDNN 9.24.
ANALYSIS = """\
The goal, a median of 2% and at most 6% over the six rows, is not reached. What was looked into:

- **A run is not the same twice.** ConvNeXt-Base with SGD at 300 was measured four times: 9522 MiB
  (the row above), 9606, 9646 and 9666; the prediction is 2.9%, 2.0%, 1.6% and 1.3% above. No
  deterministic model can be nearer than that to all of them. MNASNet's runs repeat to the byte.
- **Where blocks lie does not matter.** Equal blocks are taken by address, and the model's addresses
  only go up. With segments placed downwards, or at random, not one of the six figures changed.
- **The loop does not matter.** `zero_grad` before forward or after the loss, gradients dropped or
  filled with zeros, the last output held or not, a new batch beside the old one, one to four steps:
  each changes the reserved memory of these rows by 4 MiB at most, for-loop updates by 20.
- **What remains for ConvNeXt and MobileNet** is reserved memory in backward's last stage. With the
  batch at 300, ConvNeXt-Tiny's last growth is one block of 194 MiB, at the stage of the largest
  activations, though 2.4 GiB are free in pieces of 88 MiB and less. Whether a piece is large enough
  hangs on every earlier cut, so also on each workspace's size.
- **MNASNet hangs on cuDNN 9.1's plans**, of which 9.24 (and 9.8) say nothing. Beyond the figure
  without workspaces the measurements have, in units of the largest activation: 5.5 at 200, 5.3 at
  300, 0.6 at 400, then less than nothing, -1.1 at 500 and -1.0 at 700. No tensor of the step is
  there at 300 and gone at 400, but a plan may be: of the data gradient of the 1 x 1 convolution
  from 16 to 48 channels cuDNN has one with a workspace of exactly four times that activation (271
  MiB at 200, 406 at 300), and heuristics change their choice with the batch. Runs whose memory was
  limited to what DNNMem predicted, 646 MiB less, did not fail at 300: PyTorch falls back to a plan
  with less where a workspace does not fit. So it is a workspace and pieces left by it.
- Which cuDNN is asked matters. 9.8.0 gives +7.9% rather than +9.3% for MNASNet at 700, +6.6% rather
  than +8.5% for MobileNetV3, and the same for ConvNeXt. The runs had 9.1.
- `cudnn.benchmark` does not explain it: with its search for plans, and the cache emptied after
  each, the rows come to +2.7, +4.9, +3.4, -14.6, +9.6 and +8.5%.
- The same runs under a limit ended up to 96 MiB above or below it: as kernels and library handles
  are in the measurement, that is about what they take. It is not added to the prediction.

No rule was changed for these rows, since none was found wrong.
"""


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
    predicted: dict[str, int]
    seconds: float

    def error(self, value: int) -> float:
        """Percent above (or below) the measurement."""
        return 100 * (value / self.measured - 1)


def published() -> list[dict[str, str]]:
    """The rows of the data file, without its comments."""
    with DATA.open(newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def predict(name: str, optimizer: str, batch: int, target: Target) -> dict[str, int]:
    """Peak reserved bytes without, with the model of, and with the most of cuDNN's workspaces."""
    small = name.startswith(("mnasnet", "mobilenet"))
    model = resolve(f"torchvision:{name}", {"num_classes": 10} if small else None)
    step = Step(
        model,
        input="3x86x86",
        batch_size=batch,
        optimizer=optimizer,
        optimizer_args={"lr": 0.001},
        zero_first=True,
        hold_output=True,
        steps=4,
    )
    recording = record(step, target)
    found = {}
    for workspace in ("model", "none", "cap"):
        lowered = lower(recording, dataclasses.replace(target, workspace=workspace))
        found[workspace] = play(lowered, repeat=False).reserved
    return found


def run() -> list[Row]:
    """All rows but repeats, each timed from the model's name to the three peaks."""
    target = Target(gpu=get_gpu("rtx3060"))
    predict("resnet18", "SGD", 2, target)  # imports are not counted
    rows = []
    for row in published():
        if row["set"] == "repeat":
            continue
        start = time.perf_counter()
        found = predict(row["model"], row["optimizer"], int(row["batch_size"]), target)
        rows.append(
            Row(
                row["model"], row["optimizer"], int(row["batch_size"]),
                int(row["measured_bytes"]), int(row["xmem_bytes"]), int(row["dnnmem_bytes"]),
                row["set"], found, time.perf_counter() - start,
            )
        )  # fmt: skip
        title = f"{row['model']} {row['optimizer']} {row['batch_size']}"
        print(f"{title}: {rows[-1].seconds:.2f} s", file=sys.stderr)
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


def report(rows: list[Row]) -> str:
    """The table, in Markdown, with the medians and the worst."""
    lines = [
        "# Predicted memory against published measurements",
        "",
        f"torch {torch.__version__}; workspaces by {ConvPlans(get_gpu('rtx3060')).source}. Made by "
        "`python benchmarks/published_memory.py`; data and source in "
        "[measured_training_memory.csv](../benchmarks/data/measured_training_memory.csv).",
        "",
        "Reserved memory in MiB; errors in percent of what was measured. `none` and `cap` tell how "
        "far it hangs on cuDNN's choice of plans: with no convolution workspaces at all, and with "
        "copies of all tensors in each.",
        "",
        *_table([row for row in rows if row.group == "goal"]),
        "",
        "## More rows of the same table",
        "",
        "Further runs of these models, none left out that was read; they were not looked at while "
        "rules were written.",
        "",
        *_table([row for row in rows if row.group == "further"]),
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
