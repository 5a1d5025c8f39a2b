"""Training scripts, for real and by `nincost run`: OUTPUT/scripts-real.json and -emulated.json.

`real` runs each on this machine's GPU and keeps what torch's own counters said at its end;
`emulated` runs the same lines by `nincost run --until-exit` for the card that is named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

SCRIPTS = Path(__file__).resolve().parent / "scripts"

#: A script and its arguments, shortest first.
LINES = [
    "nin.py",
    "vision.py resnet50 float16 --channels-last --workers 2",
    "vision.py vit_b_16 bfloat16 --optimizer AdamW",
    "vision.py convnext_tiny float32 --clip",
    "lstm.py",
    "lstm.py --packed",
    "language.py gpt2 plain",
    "language.py gpt2 checkpointed",
    "language.py llama plain",
    "language.py llama lora",
    "language.py llama generate",
    "loops.py trainer",
    "loops.py lightning",
    "loops.py accelerate",
    "sharded.py ddp",
    "sharded.py fsdp1",
    "sharded.py fsdp2",
    "sharded.py zero1",
    "graph.py whole",
    "compiled.py default",
    "compiled.py reduce-overhead",
    "experts.py",
    "detector.py fasterrcnn_resnet50_fpn",
    "halves.py",
    "several.py gan",
    "several.py distillation",
    "nodes.py",
]

#: Takes all of the card: runs when no other does.
ALONE = "halves.py"

#: Optimizer steps of each script: enough for a median of their times.
STEPS = "12"

#: Saves what torch's counters say when a script ends, and the times between its optimizer's steps.
#: From its first use of CUDA on a script has the card for itself: imports go on beside others'.
_WATCH = """
import atexit, fcntl, json, os, runpy, sys
out, script = sys.argv[1:3]
sys.argv = sys.argv[2:]
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
lock = open(os.environ["NINCOST_ON_GPU_LOCK"], "a")
initialize = torch.cuda._lazy_init
def begin():
    if not torch.cuda.is_initialized():
        fcntl.flock(lock, fcntl.LOCK_EX)
    initialize()
torch.cuda._lazy_init = begin
marks = []
def mark(*_):
    marks.append(torch.cuda.Event(enable_timing=True))
    marks[-1].record()
def save():
    cuda = torch.cuda
    cuda.synchronize()
    found = {"allocated": cuda.max_memory_allocated(), "reserved": cuda.max_memory_reserved(),
             "seconds_of_steps": [a.elapsed_time(b) / 1000 for a, b in zip(marks, marks[1:])]}
    open(out, "w").write(json.dumps(found))
atexit.register(save)
register_optimizer_step_post_hook(mark)
sys.path.insert(0, script.rpartition("/")[0])
runpy.run_path(script, run_name="__main__")
"""


def real(line: str, _: str) -> dict[str, Any]:
    """Runs a script on the GPU; what torch's counters and events said."""
    name, *arguments = line.split()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [sys.executable, "-c", _WATCH, str(out), str(SCRIPTS / name), *arguments]
        lock = str(Path(tempfile.gettempdir()) / "nincost-on-gpu.lock")
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "STEPS": STEPS, "NINCOST_ON_GPU_LOCK": lock},
        )  # fmt: skip
        found = json.loads(out.read_text()) if out.exists() else {}
    times = found.pop("seconds_of_steps", [])
    found["step_seconds"] = median(times[len(times) // 2 :]) if len(times) > 2 else None
    return {**found, "said": said(done.stdout), "error": last_line(done)}


def emulated(line: str, gpu: str) -> dict[str, Any]:
    """The same by `nincost run`: to its end for the peaks, and again for the time of a step."""
    whole = by_run(line, gpu, "--until-exit")
    if "error" in whole:
        return whole
    totals = whole["totals"]
    timed = by_run(line, gpu, "--steps", "6", "--time").get("time") or {}
    return {
        "allocated": totals["peak_allocated_bytes"],
        "reserved": totals["peak_reserved_bytes"],
        "process": totals["process_bytes"],
        "step_seconds": timed.get("step_seconds"),
        "notes": whole.get("notes", []),
        "said": whole["said"],
        "error": "",
    }


def by_run(line: str, gpu: str, *options: str) -> dict[str, Any]:
    """What `nincost run` gives, and what the script itself said."""
    name, *arguments = line.split()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [
            sys.executable, "-m", "nincost", "run", "--gpu", gpu, *options,
            "--output", str(out), str(SCRIPTS / name), *arguments,
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "STEPS": STEPS},
        )  # fmt: skip
        if not out.exists():
            return {"error": last_line(done) or "no result"}
        return {**json.loads(out.read_text()), "said": said(done.stderr)}


def said(text: str) -> str:
    """The line of its own that a script prints its finding on."""
    lines = [line for line in text.splitlines() if line.startswith("found: ")]
    return lines[-1].removeprefix("found: ") if lines else ""


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1][:300] if done.returncode and lines else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("how", choices=["real", "emulated"])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--gpu", default="h100")
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--only", default="", help="lines that begin so")
    given = parser.parse_args()
    ends = time.monotonic() + float(os.environ.get("NINCOST_ON_GPU_SECONDS", "3600"))
    lines = LINES[:2] if given.rehearse else [one for one in LINES if one.startswith(given.only)]
    path = given.output / f"scripts-{given.how}.json"
    found: dict[str, Any] = {}

    def one(line: str) -> None:
        if time.monotonic() > ends:
            return
        began = time.monotonic()
        try:
            row = (real if given.how == "real" else emulated)(line, given.gpu)
        except subprocess.TimeoutExpired:
            row = {"error": "out of time"}
        found[line] = {**row, "seconds": round(time.monotonic() - began, 1)}
        path.write_text(json.dumps({key: found[key] for key in lines if key in found}, indent=1))
        print(line, found[line], flush=True)

    with ThreadPoolExecutor(given.at_once) as pool:
        list(pool.map(one, (line for line in lines if line != ALONE)))
    if ALONE in lines:
        one(ALONE)


if __name__ == "__main__":
    main()
