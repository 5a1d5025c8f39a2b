"""How long `nincost run` takes, and what it takes of this machine's memory.

    python benchmarks/run_speed.py --results found.json --report reports/run_speed.md
    python benchmarks/run_speed.py --results found.json --only 8b --only cpu

The scripts are in run_speed_cases/. Times are processor time, of a command with all that it starts:
the machine is shared, and time by the clock would be the neighbours'. Processor time grows, too,
where neighbours use the same caches, so a step's figure is the least of its rounds. What was found
is kept in `--results`, beside what an earlier run found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from nincost._devices.cards import get_gpu  # noqa: E402
from nincost._emulator.launch import environment  # noqa: E402

CASES = HERE / "run_speed_cases"
MODELS = {"resnet50": "ResNet-50, batch 32", "llama": "Llama of 125 M, 4 x 512 tokens",
          "layers": "40 linear layers with ReLU, and nothing else"}  # fmt: skip
LARGE = {
    "8b": (["--ranks", "8"], ["fsdp", "8b"]),
    "70b": (["--ranks", "256"], ["fsdp-tp", "70b", "--compile"]),
    "cpu": ([], ["cpu", "8b"]),
}
STEPS = 10


def run(options: list[str], script: list[str]) -> list[str]:
    """The command that runs a script of ours on the emulated H100."""
    return [sys.executable, "-m", "nincost", "run", "--gpu", "h100", "--format", "json", *options,
            str(CASES / script[0]), *script[1:]]  # fmt: skip


def finished(command: list[str], variables: dict[str, str] | None = None) -> dict[str, Any]:
    """What a command's script printed behind FOUND, and the command's seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    clock, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [line for line in done.stderr.splitlines() if line.startswith("FOUND ")]
    if not lines:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.strip()[-1500:]}")
    return {
        "found": json.loads(lines[-1].removeprefix("FOUND ")),
        "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "clock": clock,
    }


def steps(name: str, rounds: int) -> dict[str, float]:
    """The least processor seconds of a step of one model, in each way of running it."""
    there = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    emulated = environment(get_gpu("h100")) | {"PYTHONDONTWRITEBYTECODE": "1"}
    plain = [sys.executable, str(CASES / "steps.py"), name]
    ways = {
        "meta": ([*plain, "meta", str(STEPS)], there),
        "emulated": ([*plain, "cuda", str(STEPS)], emulated),
        "history": ([*plain, "cuda", str(STEPS), "--history"], emulated),
        "run": (run(["--steps", str(STEPS)], ["steps.py", name, "cuda", str(STEPS)]), there),
    }
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for way, (command, variables) in ways.items():
            least[way] = min(least[way], finished(command, variables)["found"])
    return least


def versions() -> str:
    from importlib.metadata import version

    names = ("torch", "torchvision")
    return ", ".join([f"{name} {version(name)}" for name in names]) + (
        f", Python {platform.python_version()}, two cores"
    )


def report(found: dict[str, Any]) -> str:
    """Everything that is known as Markdown."""
    lines = [
        "# How long `nincost run` takes",
        "",
        f"Made by `python benchmarks/run_speed.py --report ...`; {found['date']}; "
        f"{found['versions']}.",
        "",
        "Processor time: of a step the least of all its rounds and steps, all threads together.",
        "",
        "## A step",
        "",
        "The same script with its tensors on the meta device, on the emulated card alone, with the"
        " allocator's history recorded beside that (Python frames of each allocation), and under"
        " `nincost run` (history, phases, layers, and which tensor is what).",
        "",
        "| script | meta | emulated | with history | `nincost run` | run / meta"
        " | history / emulated | run / emulated |",
        "| --- |" + " ---: |" * 7,
    ]
    for name, title in MODELS.items():
        if name in found:
            one = found[name]
            cells = [f"{1e3 * one[way]:.1f} ms" for way in ("meta", "emulated", "history", "run")]
            cells += [
                f"{one[a] / one[b]:.2f}"
                for a, b in (("run", "meta"), ("history", "emulated"), ("run", "emulated"))
            ]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    lines += [
        "",
        "Goals: run / meta at most 1.3; recording the history at most 30%. What `run` adds beyond"
        " the history is a constant for each module's call and each parameter.",
        "",
        "## Large models, whole commands",
        "",
        "Three optimizer steps, from the command to its result, `import torch` included. The goals"
        " are seconds by the clock on a machine of one's own; where others use its cores and caches"
        " both figures grow.",
        "",
    ]
    words = {
        "8b": "Llama 8B with FSDP2, as rank 0 of 8 H100s (goal: 15 s)",
        "70b": "Llama 70B, FSDP2 over 32 x tensor and sequence parallelism over 8, each block"
        " compiled, as rank 0 of 256 (goal: 120 s)",
        "cpu": "Llama 8B built on the CPU, cast to bfloat16, moved and trained on one H100"
        " (goal: under 2 GB of this machine's memory beyond torch's own)",
    }
    for name, text in words.items():
        if name in found:
            one = found[name]
            memory = one["found"]
            note = f" ({one['note']})" if "note" in one else ""
            lines.append(
                f"- {text}: {one['processor']:.1f} s of processor time, {one['clock']:.0f} s by the"
                f" clock; {memory['resident'] / 2**30:.2f} GiB resident beyond the"
                f" {memory['torch'] / 2**30:.2f} GiB of torch; {memory['peak'] / 2**30:.2f} GiB"
                f" allocated on the card at the peak{note}."
            )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="of each way of running steps")
    parser.add_argument("--only", action="append", choices=[*MODELS, *LARGE, "none"])
    parser.add_argument("--results", type=Path, help="JSON: what earlier runs found, and this one")
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    if given.results and given.results.exists():
        found = json.loads(given.results.read_text())
    for name in given.only or [*MODELS, *LARGE]:
        if name in MODELS:
            found[name] = steps(name, given.rounds)
        elif name in LARGE:
            options, arguments = LARGE[name]
            found[name] = finished(run(options, ["large.py", *arguments]))
        found |= {"date": str(date.today()), "versions": versions()}
        print(name, found.get(name), flush=True)
        if given.results:
            given.results.write_text(json.dumps(found, indent=0) + "\n")
    if given.report:
        given.report.write_text(report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
