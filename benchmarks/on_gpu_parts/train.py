"""Trains both variants of NiN, and keeps what `nincost train` says of each."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    ends = time.monotonic() + float(os.environ.get("NINCOST_ON_GPU_SECONDS", "3600"))
    small = ["--limit", "256", "--test-limit", "128", "--resize", "96"] if given.rehearse else []
    # The textbook's ratio is of these two; more epochs follow while there is time.
    for epochs, variant in ((2, "two-1x1"), (2, "one-1x1"), (10, "two-1x1"), (10, "one-1x1")):
        left = ends - time.monotonic()
        if left < 5 or (given.rehearse and epochs > 2):
            break
        name = f"{variant}-{epochs}-epochs"
        folder = given.output / "runs" / name
        # Not deterministic: as readers of the textbook trained, whose examples a second these meet.
        command = [
            sys.executable, "-m", "nincost", "train", variant, "--data", given.data, "--epochs",
            str(epochs), "--no-deterministic", "--folder", str(folder), "--force",
            "--output", str(given.output / f"train-{name}.json"), *small,
        ]  # fmt: skip
        try:
            subprocess.run(command, check=False, timeout=left)
        except subprocess.TimeoutExpired:
            print(f"{name}: no time was left", flush=True)


if __name__ == "__main__":
    main()
