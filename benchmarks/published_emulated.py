"""Runs the published rows in the PyTorch that they were measured with, with no GPU.

    python benchmarks/published_emulated.py --python OTHER/bin/python \
        --cudnn 9.8=FOLDER/nvidia/cudnn/lib --cudnn 9.24=FOLDER/nvidia/cudnn/lib

`OTHER` is a virtual environment with torch 2.6.0+cu124 and torchvision 0.21.0. Its cuDNN 9.1 cannot
answer without a card, so each row is run with no convolution workspaces, and then with the answers
of each newer cuDNN for CUDA 12 that is named (`pip install --no-deps --target FOLDER
nvidia-cudnn-cu12==9.8.0.87` brings one). What is found is written to
benchmarks/data/published_emulated.csv, which benchmarks/published_memory.py reports.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from no_gpu.emulated_runtime import variables

from nincost._devices.cards import get_gpu
from nincost._emulator.launch import PREFIX

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
#: As NVML and the measurements' files have it; nincost's card is a little smaller.
CARD_BYTES = 12_622_168_064


def rows() -> list[dict[str, str]]:
    """The published rows but for repeats."""
    with (DATA / "measured_training_memory.csv").open(newline="") as file:
        found = csv.DictReader(line for line in file if not line.startswith("#"))
        return [row for row in found if row["set"] != "repeat"]


def run(row: dict[str, str], python: str, cudnn: str) -> dict[str, Any]:
    """What PyTorch takes for a row, with the workspaces that a cuDNN asks for (none: no cuDNN)."""
    environment = variables(replace(get_gpu("rtx3060"), memory_bytes=CARD_BYTES), python)
    if cudnn:
        environment["LD_LIBRARY_PATH"] = cudnn
    else:
        del environment[f"{PREFIX}CUDNN"]
    small = row["model"].startswith(("mnasnet", "mobilenet"))
    job = {
        "model": row["model"],
        "model_args": {"num_classes": 10} if small else {},
        "optimizer": row["optimizer"],
        "batch_size": int(row["batch_size"]),
    }
    done = subprocess.run(
        [python, str(HERE / "published_loop.py"), json.dumps(job)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"exit status {done.returncode}: {done.stderr.strip()[-600:]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="of the PyTorch to be run")
    parser.add_argument(
        "--cudnn", action="append", default=[], metavar="VERSION=FOLDER",
        help="a cuDNN 9.8 or later, by the folder of its libraries",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, default=DATA / "published_emulated.csv")
    given = parser.parse_args()
    sources = {"none": ""} | dict(text.split("=", 1) for text in given.cudnn)
    table = []
    for row in rows():
        line: dict[str, Any] = {name: row[name] for name in ("model", "optimizer", "batch_size")}
        for source, folder in sources.items():
            found = run(row, given.python, folder)
            line |= {"torch": found["torch"], "model_bytes": found["with_model"]}
            line |= {f"reserved_{source}": found["reserved"]}
            line |= {f"allocated_{source}": found["allocated"]}
        table.append(line)
        print(line, flush=True)
    with given.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main()
