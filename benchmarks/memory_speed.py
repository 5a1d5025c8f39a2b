"""How long a prediction of memory takes, and how much memory it takes itself.

    python benchmarks/memory_speed.py [--rounds 5] [--output reports/memory_speed.md]

Each case runs in fresh processes, as many as there are rounds: imports first, by themselves, while
cuDNN's heuristics load, as in a command, then the same prediction twice. The first one queries
cuDNN for each convolution. Processor seconds are given beside the wall's, since they hang less on
what else the machine does. VmHWM (Linux) is the most physical memory that the process had.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

#: A transformer of 7 billion parameters, in the shape of Llama 2 7B.
LLAMA_7B = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 32, "vocab_size": 32000, "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16", "tie_word_embeddings": False,
    "hidden_act": "silu",
}  # fmt: skip

CASES: dict[str, dict[str, Any]] = {
    "two-1x1, batch 128, SGD": {"model": "two-1x1", "batch_size": 128},
    "resnet50, batch 1, SGD": {"model": "torchvision:resnet50", "batch_size": 1},
    "resnet50, batch 64, SGD": {"model": "torchvision:resnet50", "batch_size": 64},
    "resnet50, batch 256, SGD": {"model": "torchvision:resnet50", "batch_size": 256},
    "resnet50, batch 64, AdamW, bfloat16 autocast": {
        "model": "torchvision:resnet50", "batch_size": 64, "optimizer": "AdamW", "amp": "bfloat16",
    },
    "Llama of 7 billion parameters, 2048 tokens, AdamW, bfloat16": {
        "model": "hf:llama", "batch_size": 1, "input": "input_ids=2048:int64",
        "optimizer": "AdamW", "dtype": "bfloat16",
    },
}  # fmt: skip

#: What a process of one case runs; its options come as JSON.
PROGRAM = """
import json, sys, time
start = time.perf_counter()
import nincost
nincost.memory  # before torch, as a command does: cuDNN loads in a thread while torch is imported
options = json.loads(sys.argv[1])
if options["model"].startswith("hf:"):
    import transformers.models.llama.modeling_llama
if options["model"].startswith("torchvision:"):
    import torchvision
found = {"imports": time.perf_counter() - start}
for name in ("first", "second"):
    wall, processor = time.perf_counter(), time.process_time()
    result = nincost.memory(**options, gpu="a100-80gb", measure=False)
    found[name] = time.perf_counter() - wall
    found[name + " processor"] = time.process_time() - processor
found["peak"] = result.totals.peak_allocated_bytes
status = open("/proc/self/status").read() if sys.platform == "linux" else "VmHWM: 0"
found["hwm"] = int(status.split("VmHWM:")[1].split()[0]) * 1024
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over a case's processes: seconds, and bytes."""

    name: str
    first: float
    first_processor: float
    second: float
    second_processor: float
    hwm: float
    peak: float


def run(rounds: int) -> list[Timing]:
    """Every case; the rounds go around, so that a slow hour hurts all alike."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "llama").mkdir()
        (Path(folder) / "llama" / "config.json").write_text(json.dumps(LLAMA_7B))
        for _ in range(rounds):
            for name, options in CASES.items():
                done = subprocess.run(
                    [sys.executable, "-c", PROGRAM, json.dumps(options)],
                    capture_output=True, text=True, check=True, cwd=folder,
                    env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
                )  # fmt: skip
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
                print(name, found[name][-1], file=sys.stderr)
    keys = ("first", "first processor", "second", "second processor", "hwm", "peak")
    return [
        Timing(name, *(statistics.median(row[key] for row in rows) for key in keys))
        for name, rows in found.items()
    ]


def report(timings: list[Timing], rounds: int) -> str:
    """The table, in Markdown."""
    lines = [
        "# How fast a prediction of memory is",
        "",
        f"`python benchmarks/memory_speed.py --rounds {rounds}` on {datetime.date.today()}: torch "
        f"{torch.__version__}, Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"{os.getloadavg()[0]:.0f} processes wanting them: read the processor seconds, "
        "which hang less on that.",
        "",
        "Medians. *First* is a process's first prediction after its imports, *next* the same again "
        "(a sweep's every other). *Own memory* is the most the process had, torch and all.",
        "",
        "| case | first, s | of processor | next, s | of processor | own memory, MiB "
        "| predicted peak, GiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in timings:
        lines.append(
            f"| {one.name} | {one.first:.2f} | {one.first_processor:.2f} | {one.second:.2f} "
            f"| {one.second_processor:.2f} | {one.hwm / 2**20:.0f} | {one.peak / 2**30:.2f} |"
        )
    by_name = {one.name: one for one in timings}
    small, large = by_name["resnet50, batch 1, SGD"], by_name["resnet50, batch 256, SGD"]
    ratio = large.second_processor / small.second_processor
    lines += ["", f"Batch 256 against batch 1, resnet50, processor time of the next: {ratio:.2f}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="also write the report to this file")
    options = parser.parse_args()
    text = report(run(options.rounds), options.rounds)
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
