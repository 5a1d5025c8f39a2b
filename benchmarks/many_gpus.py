"""`memory --ranks` of large Llamas: against a script by hand, measured rows, and the clock.

    python benchmarks/many_gpus.py proof speed --results found.json --report reports/many_gpus.md
    python benchmarks/many_gpus.py measured --data FOLDER --results found.json --report ...

`proof` has the suite's script by hand run by `nincost run`, and the same step by `nincost memory`.
`measured` has the published rows of training_runs.csv that a generic step can express; rank 0 is
run. Seconds of the processor are those of all processes that took part, which other work on the
machine changes least. `--only` runs some cases and keeps what `--results` has of the others.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import torch
from many_gpus_models import SIZES

from nincost._emulator.described.answer import rank_peaks, start_process
from nincost._step.parallel import Parallel
from nincost._step.request import make_request

HERE = Path(__file__).resolve().parent
BY_HAND = HERE.parent / "tests" / "emulator" / "scripts" / "by_hand.py"

PEAKS = ("peak_allocated_bytes", "peak_reserved_bytes")
BF16: dict[str, Any] = {"mixed_precision": "bfloat16"}
FSDP: dict[str, Any] = {"ranks": 8, "parallel": "fsdp"}
BLOCKS: dict[str, Any] = {"activation_checkpointing": "blocks"}
FLOAT32_LOSS: dict[str, Any] = {"loss": f"{HERE / 'many_gpus_models.py'}:in_float32"}

#: Kinds of the script by hand, and the same in options; Llama 8B, a row of 4,096 tokens, which a
#: pipeline cuts into four of 2,048.
PROOFS: dict[str, dict[str, Any]] = {
    "ddp-checkpointed": {"ranks": 8, "parallel": "ddp", **BLOCKS},
    "zero1-checkpointed": {"ranks": 8, "parallel": "zero1", **BLOCKS},
    "fsdp": FSDP,
    "fsdp-bf16": {**FSDP, **BF16},
    "fsdp-bf16-gathered": {**FSDP, **BF16, "reshard_after_forward": False},
    "fsdp-bf16-checkpointed": {**FSDP, **BF16, **BLOCKS},
    "fsdp-bf16-offload-checkpointed": {
        **FSDP, **BF16, **BLOCKS, "ranks": 64, "cpu_offload": True,
    },
    "hsdp-bf16-checkpointed": {"ranks": 8, "parallel": "hsdp:2", **BF16, **BLOCKS},
    "tp-checkpointed": {"ranks": 8, "tp": 8, **BLOCKS},
    "pp": {"ranks": 4, "pp": 4},
    "pp-checkpointed": {"ranks": 4, "pp": 4, **BLOCKS},
    "3d-bf16-checkpointed": {
        "ranks": 32, "pp": 2, "tp": 2, "parallel": "fsdp", "microbatches": 4, **BF16, **BLOCKS,
    },
}  # fmt: skip

#: Rows by what stands in the table, and the step: card, size, batch, tokens, options, counter. All
#: are of the configuration that the source names, nothing of the figure.
TITAN = {"group": "torchao-float8nocompile", "compile": "no"}
EXPANDABLE = {"alloc_conf": "expandable_segments:True"}
MEASURED: dict[str, tuple[dict[str, str], str, str, int, int, dict[str, Any], str]] = {
    "torchao-8b-none": (
        TITAN | {"checkpointing": "none"}, "h100", "8b", 1, 4096,
        {**FSDP, **BF16, **FLOAT32_LOSS, **EXPANDABLE}, "reserved",
    ),
    "torchao-8b-every-2nd": (
        TITAN | {"checkpointing": "selective every 2nd layer"}, "h100", "8b", 1, 4096,
        {**FSDP, **BF16, **FLOAT32_LOSS, **EXPANDABLE,
         "activation_checkpointing": "layers.*[13579]"}, "reserved",
    ),
    "torchao-8b-full": (
        TITAN | {"checkpointing": "full"}, "h100", "8b", 1, 4096,
        {**FSDP, **BF16, **FLOAT32_LOSS, **EXPANDABLE, **BLOCKS}, "reserved",
    ),
    "titan-7b-full": (
        {"group": "torchtitan-PR165", "parallelism": "FSDP2 8", "checkpointing": "full",
         "compile": "no"}, "h100", "7b", 8, 2048,
        {**FSDP, **BF16, **FLOAT32_LOSS, **BLOCKS}, "allocated",
    ),
    "litgpt-tinyllama-fsdp": (
        {"group": "litgpt-thunder", "parallelism": "FSDP1 FULL_SHARD 8", "compile": "no"},
        "a100-40gb", "tinyllama", 4, 2048,
        {**FSDP, **FLOAT32_LOSS, "dtype": "bfloat16"}, "allocated",
    ),
    "litgpt-tinyllama-ddp": (
        {"group": "litgpt-thunder", "parallelism": "DDP 8", "compile": "no"},
        "a100-40gb", "tinyllama", 4, 2048,
        # It accumulates 16, of which memory repeats from the second on.
        {"ranks": 8, "parallel": "ddp", **FLOAT32_LOSS, "dtype": "bfloat16",
         "grad_accumulation": 2}, "allocated",
    ),
}  # fmt: skip

#: How long: the command's options after the model.
CARD = ["--gpu", "h100", "--optimizer", "AdamW"]
LLAMA_8B = ["--input", "input_ids=4096:int64", *CARD]
FSDP_BF16 = ["--parallel", "fsdp", "--mixed-precision", "bf16", "--activation-checkpointing",
             "blocks"]  # fmt: skip
SPEED: dict[str, tuple[str, str, list[str]]] = {
    **{
        f"memory of 8B on {ranks}": ("memory", "8b", [*LLAMA_8B, "--ranks", f"{ranks}", *FSDP_BF16])
        for ranks in (8, 64, 512, 4096)
    },
    "memory of 405B on 512, tp 8": (
        "memory", "405b", [*LLAMA_8B, "--ranks", "512", "--tp", "8", *FSDP_BF16],
    ),
    "plan of 8B on 8": ("plan", "8b", [*LLAMA_8B, "--ranks", "8"]),
}  # fmt: skip


def config(size: str, folder: Path) -> Path:
    """A folder with the size's config.json."""
    width, hidden, layers, heads, kv_heads, words = SIZES[size]
    made = folder / size
    made.mkdir(exist_ok=True)
    (made / "config.json").write_text(json.dumps({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": width,
        "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "vocab_size": words, "tie_word_embeddings": False,
        "max_position_embeddings": 8192,
    }))  # fmt: skip
    return made


def nincost(command: str, *words: str) -> dict[str, Any]:
    """A command's JSON. What follows a script of `run` is the script's."""
    done = subprocess.run(
        [sys.executable, "-m", "nincost", command, "--format", "json", "--quiet", *words],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    if done.returncode not in (0, 1) or not done.stdout:
        raise SystemExit(f"nincost {command} {' '.join(words)}: {done.stderr.strip()[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def option_words(options: dict[str, Any]) -> list[str]:
    """Options as the command line has them."""
    words: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    return words


def prove(name: str, folder: Path) -> dict[str, Any]:
    """Both peaks of the script by hand and of the described step, of each rank that differs.

    A step that has no memory is run on a card without end, and so is its script.
    """
    at, options = str(config("8b", folder)), PROOFS[name]
    rows, length = (4, 2048) if "pp" in options else (1, 4096)
    given = ["--input", f"input_ids={length}:int64", "--batch-size", str(rows)]
    step = nincost(
        "memory", f"hf:{at}", *given, *CARD, *option_words(options), "--no-suggest"
    )  # fmt: skip
    ranks = [rank["rank"] for rank in step["ranks"]]
    ran_out = step["totals"]["ran_out"]
    end = ["--capacity", "unlimited"] if ran_out else []
    script = nincost(
        "run", "--gpu", "h100", "--ranks", str(options["ranks"]), "--rank",
        ",".join(map(str, ranks)), "--steps", "3", *end, str(BY_HAND), name, at, f"{rows}x{length}",
    )  # fmt: skip
    return {
        "ranks": ranks,
        "ran_out": ran_out,
        "script": [[rank[name] for name in PEAKS] for rank in script["ranks"]],
        "step": [[rank[name] for name in PEAKS] for rank in step["ranks"]],
    }


def predict(name: str, _folder: Path) -> dict[str, Any]:
    """The counter of a measured row."""
    _, gpu, size, batch, tokens, options, counter = MEASURED[name]
    ranks = {n: v for n, v in options.items() if n in Parallel.__slots__}
    step = {n: v for n, v in options.items() if n not in ranks}
    request = make_request(
        f"{HERE / 'many_gpus_models.py'}:Llama", gpu, batch, input=f"{tokens}:int64",
        arg={"size": size}, optimizer="AdamW", **step,
    )  # fmt: skip
    with start_process(request) as process:
        peaks = rank_peaks(request, Parallel(**ranks), process)
    return {"bytes": getattr(peaks, counter), "ran_out": peaks.ran_out}


def clock(name: str, folder: Path) -> dict[str, Any]:
    """Seconds, those of the processor, and the most that one process had resident."""
    command, size, words = SPEED[name]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    found = nincost(command, f"hf:{config(size, folder)}", *words)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": ended - began, "processor": processor, "resident": after.ru_maxrss << 10,
        "load": os.getloadavg()[0], "totals": found["totals"],
    }  # fmt: skip


def row_of(name: str, data: Path) -> float:
    """The GiB of a measured row."""
    wanted = MEASURED[name][0]
    with (data / "training_runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    if len(found) != 1:
        raise SystemExit(f"{name}: {len(found)} rows fit {wanted}, not one")
    return float(found[0]["gib"])


def report(known: dict[str, dict[str, Any]]) -> str:
    """All that is known, as Markdown."""
    text = ["# `memory --ranks` of large Llamas", "",
            f"Made by `python benchmarks/many_gpus.py`, torch {torch.__version__}, "
            f"{date.today()}, on two cores beside other work.", ""]  # fmt: skip
    if known.get("proof"):
        text += ["## Against a script by hand", "",
                 "Llama 8B in float32, 4,096 tokens a rank (pipelines: 4 micro-batches of 2,048), "
                 "H100s: `nincost run` of `tests/emulator/scripts/by_hand.py`, and `nincost "
                 "memory`; each rank that differs. Where a card has no such memory, both ran on "
                 "one without end.", "",
                 "| kind | rank | allocated, by hand | described | reserved, by hand | described |",
                 "| --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
        for name in [name for name in PROOFS if name in known["proof"]]:
            found = known["proof"][name]
            words = f"{name}, without end" if found["ran_out"] else name
            for rank, *sides in zip(found["ranks"], found["script"], found["step"], strict=True):
                cells = [f"{side[n]:,}" for n in range(len(PEAKS)) for side in sides]
                text.append(f"| {words} | {rank} | {' | '.join(cells)} |")
        text.append("")
    if known.get("measured"):
        offs = {n: f["bytes"] / 2**30 / f["gib"] - 1 for n, f in known["measured"].items()}
        text += ["## Against measured rows", "",
                 "Published figures of torchtitan and litgpt; here `memory --ranks 8` of a plain "
                 "Llama of the same shape and with the same loss in float32 "
                 "(`benchmarks/many_gpus_models.py`), today's torch. "
                 f"Median of the errors {median(map(abs, offs.values())):.2%}, worst "
                 f"{max(map(abs, offs.values())):.2%}.", "",
                 "| row | measured | predicted | difference |",
                 "| --- | ---: | ---: | ---: |"]  # fmt: skip
        for name, found in known["measured"].items():
            text.append(f"| {name} | {found['gib']:.2f} GiB | {found['bytes'] / 2**30:.2f} | "
                        f"{offs[name]:+.2%} |")  # fmt: skip
        left = [name for name in MEASURED if name not in offs]
        text += ["", f"Not run yet: {', '.join(left)}."] if left else []
        text.append("")
    if known.get("speed"):
        text += ["## How long it takes", "",
                 "| command | processor | seconds | load | largest process |",
                 "| --- | ---: | ---: | ---: | ---: |"]  # fmt: skip
        text += [
            f"| {name} | {f['processor']:.0f} s | {f['seconds']:.0f} s | {f['load']:.1f} | "
            f"{f['resident'] / 2**30:.2f} GiB |"
            for name, f in known["speed"].items()
        ]
    return "\n".join(text).rstrip() + "\n"


def main() -> int:
    """Run what is asked for, and report all that is known; exit status 1 where a proof fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=["proof", "measured", "speed", []])
    parser.add_argument("--only", action="append", help="a case; may be repeated")
    parser.add_argument("--data", type=Path, help="the folder of the measured rows")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    known = json.loads(given.results.read_text()) if given.results.exists() else {}
    every: dict[str, tuple[Any, Any]] = {
        "proof": (PROOFS, prove), "measured": (MEASURED, predict), "speed": (SPEED, clock),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for what in given.what:
            cases, run = every[what]
            for name in cases:
                if given.only and name not in given.only:
                    continue
                found = run(name, Path(folder))
                if what == "measured":
                    found["gib"] = row_of(name, given.data)
                known.setdefault(what, {})[name] = found
                print(what, name, found, flush=True)
                given.results.write_text(json.dumps(known, indent=0) + "\n")
    if given.report:
        given.report.write_text(report(known))
    return int(any(found["script"] != found["step"] for found in known.get("proof", {}).values()))


if __name__ == "__main__":
    sys.exit(main())
