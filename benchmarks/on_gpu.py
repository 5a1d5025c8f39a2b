"""A quarter of an hour on a real GPU: all that only a GPU can say, from one command.

    python benchmarks/on_gpu.py --minutes 12 --output on_gpu --data FOLDER
    nincost run --gpu h100 --until-exit benchmarks/on_gpu.py --rehearse --output /tmp/rehearsal

Parts, each in a process of its own, with its share of the time; what a part has found is on the
disk when the next one begins, and one that fails or runs out of time costs the others nothing.
First those that are not timed, beside each other:

- `histories`: the allocator's whole history of steps and scripts, to see where a prediction parts;
- `convolutions`: the workspace of each convolution of a list (`convolutions.py list`);
- `libraries`: sizes that cuDNN and cuFFT only say where a card is;
- `operators`: what operators allocate, each by itself;

then one after another:

- `validate`: predicted against measured memory and time, `nincost validate`;
- `scripts`: training scripts, their peaks and step times;
- `steps`: step times, peak memory and the time of each kernel of some 20 models;
- `kernels`: matrix products, convolutions and element-wise operators over a range of sizes;
- `train`: both variants of NiN on Fashion-MNIST, two epochs each.

The folder gets JSON of each part, validate's reports, and `summary.md` with the stamp: GPU, driver,
torch, CUDA, cuDNN, date. `--rehearse` tries the parts with as little as each can do, such as on the
emulated card, where times mean nothing. `report_on_gpu.py` sets predictions beside what was
measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = HERE / "on_gpu_parts"


@dataclass(frozen=True)
class Part:
    """A part: its command, and the share of the time that is left for it and those after it.

    Attributes:
        timed: whether it measures times: then nothing runs beside it.
    """

    name: str
    command: list[str]
    share: float
    timed: bool = True


def parts(output: Path, given: argparse.Namespace) -> list[Part]:
    """In order: first what says most."""
    python = sys.executable
    end = ["--output", str(output), *(["--rehearse"] if given.rehearse else [])]

    def own(name: str, *words: str) -> list[str]:
        return [python, str(PARTS / f"{name}.py"), *words, *end]

    convolutions = given.convolutions or str(output / "convolutions-asked.json.gz")
    return [
        Part("histories", own("histories"), 0.25, timed=False),
        Part("convolutions", own("convolutions", "run", convolutions), 0.25, timed=False),
        Part("libraries", own("libraries"), 0.25, timed=False),
        Part("operators", [
            python, str(PARTS / "operators.py"), str(output / "operators.jsonl.gz"),
            *(["--rehearse"] if given.rehearse else []),
        ], 0.25, timed=False),
        Part("validate", [
            python, "-m", "nincost", "validate", "--reports", str(output), "--force",
            "--format", "csv", "--output", str(output / "validate.csv"),
            *(["--quick"] if given.rehearse else []),
        ], 0.6),
        Part("scripts", own("scripts", "real"), 0.5),
        Part("steps", own("steps"), 0.75),
        Part("kernels", own("kernels"), 0.4),
        Part("train", own("train", *(["--data", given.data] if given.data else [])), 1.0),
    ]  # fmt: skip


def run(part: Part, seconds: float, output: Path) -> dict[str, object]:
    """Run a part with a limit; it is interrupted a little before, and then killed."""
    began = time.monotonic()
    variables = {**os.environ, "NINCOST_ON_GPU_SECONDS": str(max(5.0, seconds - 10))}
    with (output / f"{part.name}.log").open("w") as log:
        process = subprocess.Popen(
            part.command, stdout=log, stderr=log, env=variables, start_new_session=True
        )
        ended = "done"
        for wait, number in ((seconds, signal.SIGINT), (10, signal.SIGKILL)):
            try:
                process.wait(wait)
                break
            except subprocess.TimeoutExpired:
                ended = "out of time"
                os.killpg(process.pid, number)
        process.wait()
    if process.returncode and ended == "done":
        ended = f"failed with {process.returncode}"
    return {"part": part.name, "ended": ended, "seconds": round(time.monotonic() - began, 1)}


def stamp() -> dict[str, str]:
    """What the figures belong to."""
    import torch

    properties = torch.cuda.get_device_properties(0)
    query = ["nvidia-smi", "--query-gpu=driver_version,clocks.max.sm,clocks.max.mem,power.limit"]
    try:
        said = subprocess.run(
            [*query, "--format=csv,noheader"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        said = "unknown"
    return {
        "gpu": torch.cuda.get_device_name(0),
        "memory": str(properties.total_memory),
        "multiprocessors": str(properties.multi_processor_count),
        "driver, clocks, power limit": said,
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),
        "date": date.today().isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--output", type=Path, default=Path("on_gpu"))
    parser.add_argument("--data", help="Fashion-MNIST's folder; default: generated images")
    parser.add_argument("--convolutions", help="a list that convolutions.py made")
    parser.add_argument("--only", default="", help="parts to run, joined with commas")
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    ends = time.monotonic() + given.minutes * 60
    output: Path = given.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    # The stamp's process has a context on the card: none is left when parts measure.
    asked = [sys.executable, "-c", "import json, on_gpu; print(json.dumps(on_gpu.stamp()))"]
    said = subprocess.run(asked, cwd=HERE, capture_output=True, text=True, check=False).stdout
    found: dict[str, object] = {"stamp": json.loads(said or "{}"), "parts": []}
    wanted = given.only.split(",")
    chosen = [part for part in parts(output, given) if not given.only or part.name in wanted]
    done: list[dict[str, object]] = []

    def keep(row: dict[str, object]) -> None:
        done.append(row)
        print(json.dumps(row), flush=True)
        (output / "parts.json").write_text(json.dumps({**found, "parts": done}, indent=1))

    beside = [part for part in chosen if not part.timed]
    left = ends - time.monotonic()
    with ThreadPoolExecutor(len(beside) or 1) as pool:
        for row in pool.map(lambda part: run(part, left * part.share, output), beside):
            keep(row)
    for part in chosen:
        left = ends - time.monotonic()
        if part.timed and left < 10:
            keep({"part": part.name, "ended": "no time was left", "seconds": 0})
        elif part.timed:
            keep(run(part, left * (1.0 if part is chosen[-1] else part.share), output))
    if given.rehearse:  # for `nincost run`, which looks at this process, to have seen something
        importlib.import_module("torch").ones(1, device="cuda")


if __name__ == "__main__":
    main()
