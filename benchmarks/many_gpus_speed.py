"""How long questions about many GPUs take: by world size, a plan, and Llama 405B on 512 ranks.

    python benchmarks/many_gpus_speed.py --results found.json --report reports/many_gpus_speed.md
    python benchmarks/many_gpus_speed.py --results found.json --only 405b --only plan

Each is the whole command, as a user types it, of a config of transformers' Llama; `import torch` is
included. World sizes are run in turn, several rounds, and the least seconds of each are kept. What
was found is kept in `--results`, beside what an earlier run found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).resolve().parent
#: Width, hidden width, layers, heads, key-value heads.
SHAPES = {"8b": (4096, 14336, 32, 32, 8), "405b": (16384, 53248, 126, 128, 8)}
STEP = ["--input", "input_ids=4096:int64", "--gpu", "h100"]
HOW = ["--optimizer", "AdamW", "--mixed-precision", "bf16", "--activation-checkpointing", "blocks"]
SIZES = (2, 8, 64, 512, 4096)


def write_config(folder: Path, name: str) -> str:
    """A model's argument: a folder with its config.json."""
    width, hidden, layers, heads, kv_heads = SHAPES[name]
    made = folder / f"llama-{name}"
    made.mkdir()
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": width,
        "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "vocab_size": 128256, "max_position_embeddings": 131072,
        "dtype": "bfloat16",
    }  # fmt: skip
    (made / "config.json").write_text(json.dumps(config))
    return f"hf:{made}"


def ask(command: list[str]) -> dict[str, Any]:
    """What a command answers, its seconds by the clock and of processor time."""
    variables = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "nincost", *command, "--format", "json"],
        capture_output=True, text=True, env=variables, check=False,
    )  # fmt: skip
    clock, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"nincost {' '.join(command)} failed: {done.stderr.strip()[-1500:]}")
    return {
        "answer": json.loads(done.stdout), "clock": clock,
        "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "resident": after.ru_maxrss * 1024,  # of the largest process of all that have ended
    }  # fmt: skip


def memory_of(model: str, options: list[str]) -> dict[str, Any]:
    """Seconds, and what the ranks take."""
    found = ask(["memory", model, *STEP, *HOW, *options])
    answer = found.pop("answer")
    kinds = [rank["stands_for"] for rank in answer["ranks"]]
    return found | {"kinds": kinds, "peak": answer["totals"]["peak_reserved_bytes"]}


def world_sizes(model: str, known: dict[str, Any], rounds: int) -> None:
    """The least seconds of each world size, over rounds."""
    for _ in range(rounds):
        for size in SIZES:
            found = memory_of(model, ["--ranks", str(size), "--parallel", "fsdp"])
            earlier = known.get(f"ranks {size}")
            if earlier is None or found["clock"] < earlier["clock"]:
                known[f"ranks {size}"] = found
            print(f"{size} ranks: {found['clock']:.1f} s", flush=True)


def main() -> int:
    """Run what is asked for, and report all that is known."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", choices=["sizes", "405b", "plan"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--results", type=Path, help="JSON: what earlier runs found, and this one")
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    given = parser.parse_args()
    wanted = given.only or ["sizes", "405b", "plan"]
    known: dict[str, Any] = {}
    if given.results and given.results.exists():
        known = json.loads(given.results.read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = write_config(folder, "8b"), write_config(folder, "405b")
        if "sizes" in wanted:
            for size in SIZES:
                known.pop(f"ranks {size}", None)
            world_sizes(small, known, given.rounds)
        if "405b" in wanted:
            known["405b"] = memory_of(large, ["--ranks", "512", "--parallel", "fsdp", "--tp", "8"])
        if "plan" in wanted:
            found = ask(["plan", small, *STEP, "--ranks", "8", "--optimizer", "AdamW"])
            answer = found.pop("answer")
            known["plan"] = found | {"tried": answer["totals"]["tried"]}
    if given.results:
        given.results.write_text(json.dumps(known, indent=1) + "\n")
    text = report(known)
    print(text)
    if given.report:
        given.report.write_text(text)
    return 0


def report(known: dict[str, Any]) -> str:
    """Seconds of each question beside its goal."""
    text = [
        "# How long questions about many GPUs take",
        "",
        f"Made by `python benchmarks/many_gpus_speed.py --report ...`; {date.today()}; "
        f"torch {torch.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores. "
        "Whole commands, by the clock, with `import torch`.",
        "",
    ]
    sizes = [size for size in SIZES if f"ranks {size}" in known]
    if sizes:
        seconds = {size: known[f"ranks {size}"]["clock"] for size in sizes}
        text += [
            "`nincost memory` of a step of Llama 8B (4,096 tokens, FSDP2, bfloat16, each block "
            "checkpointed, AdamW), by world size. Ranks differ where their number does not divide "
            "a weight's rows: one of each kind is run, and one drawn at random.",
            "",
            "| ranks | seconds | kinds of ranks | reserved by the largest |",
            "| ---: | ---: | --- | ---: |",
        ]
        for size in sizes:
            found = known[f"ranks {size}"]
            cells = f"{found['clock']:.1f} | {'; '.join(found['kinds'])}"
            text.append(f"| {size:,} | {cells} | {found['peak'] / 2**30:.2f} GiB |")
        ratio = max(seconds.values()) / min(seconds.values())
        text += ["", f"The longest takes {ratio:.2f} times the shortest (goal: 1.5).", ""]
    if "405b" in known:
        found = known["405b"]
        text.append(
            f"- Llama 405B on 512 ranks, FSDP x TP 8: {found['clock']:.0f} s (goal: 300), "
            f"{found['resident'] / 2**30:.1f} GiB resident in its largest process (goal: 8); "
            f"{found['peak'] / 2**30:.2f} GiB reserved on the card."
        )
    if "plan" in known:
        found = known["plan"]
        text.append(
            f"- `nincost plan` of Llama 8B on 8 ranks: {found['clock']:.0f} s (goal: 180), "
            f"{found['tried']} steps tried."
        )
    return "\n".join(text).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
