"""Repeats measurements of PyTorch's operators that others made on real GPUs, with no GPU.

    python benchmarks/measured_operators.py --data operators_liger.csv --results found.json \
        --report reports/measured_operators.md
    python benchmarks/measured_operators.py --data operators_liger.csv --results found.json \
        --python OTHER/bin/python --kernel embedding

The rows are those of linkedin/Liger-Kernel's benchmark/data/all_benchmark_data.csv whose metric is
memory and whose provider is PyTorch or transformers. Each script's cases, written again in
liger_cases/, run in a process of their own on the emulated card that the row was measured on.
`--python` runs the kernels that are named with another torch, such as that of the rows' day; what
was found is kept in `--results`, a kernel's latest run in the place of an earlier one. A kernel
whose sibling cases leave memory on the card wants Liger-Kernel as it was: install it beside that
torch, with the transformers of its day, or name the folder of its source with `--liger`. Which
versions gave a row stands at the end of the report.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from liger_cases.reasons import has_no_script, reason

from nincost._devices.cards import get_gpu
from nincost._emulator.launch import environment

HERE = Path(__file__).resolve().parent
SOURCE = "linkedin/Liger-Kernel, benchmark/data/all_benchmark_data.csv at ead96b6"
Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """The measured rows; lines that begin with # are comments."""
    try:
        with path.open(newline="") as file:
            return list(csv.DictReader(line for line in file if not line.startswith("#")))
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}; --data wants the measured rows") from error


def key_of(row: Row) -> str:
    """What a row is found by."""
    names = ("kernel_name", "kernel_operation_mode", "x_name", "x_value", "gpu_name")
    config = json.dumps(json.loads(row["extra_benchmark_config_str"]))
    return " ".join([*(row[name] for name in names), config])


def processes(rows: Iterable[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Rows by the process of a script that made them: a kernel, a card, and for experts a sweep."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if has_no_script(row):
            continue
        kernel = row["kernel_name"]
        sweep = row["x_name"] if kernel == "fused_moe" else ""
        found.setdefault((kernel, row["gpu_name"], sweep), []).append(row)
    return found


def job_of(kernel: str, rows: list[Row]) -> str:
    """The argument of liger_cases.child."""
    sweeps: dict[str, dict[str, Any]] = {}
    for row in rows:
        text = row["extra_benchmark_config_str"]
        part = sweeps.setdefault(row["x_name"], {}).setdefault(
            text, {"config": json.loads(text), "x_name": row["x_name"], "x": [], "modes": []}
        )
        for name, value in (
            ("x", int(row["x_value"])),
            ("modes", row["kernel_operation_mode"]),
        ):
            if value not in part[name]:
                part[name].append(value)
    return json.dumps([kernel, [list(parts.values()) for parts in sweeps.values()]])


def run(key: tuple[str, ...], rows: list[Row], python: str, liger: str | None) -> dict[str, Any]:
    """What PyTorch allocates for a process's rows, by their keys; empty where it fails."""
    kernel, gpu, _ = key
    variables = environment(get_gpu(gpu), context=0, python=python)
    folders = [str(HERE), variables["PYTHONPATH"], *([liger] if liger else [])]
    variables["PYTHONPATH"] = os.pathsep.join(folders)
    # Kernels that newer torch compiles in the place of cuBLAS's: none of the rows' days had them.
    variables["TORCH_DISABLE_NATIVE_JIT"] = "1"
    done = subprocess.run(
        [python, "-m", "liger_cases.child", job_of(kernel, rows)],
        capture_output=True, text=True, env=variables, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        print(f"{kernel} on {gpu} failed: {done.stderr.strip()[-1500:]}", file=sys.stderr)
        return {}
    *cases, versions = lines
    if liger and versions["siblings"]:
        versions["liger-kernel"] = Path(liger).name
    values = {}
    for case in cases:
        config = json.dumps(case["config"])
        name = f"{kernel} {case['mode']} {case['x_name']} {case['x']} {gpu} {config}"
        values[name] = versions | {"mib": case["mib"], "date": str(date.today())}
    return values


def main() -> int:
    """Run what is asked for, and report all that is known; exit status 1 where a process fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the measured rows, as CSV")
    parser.add_argument("--python", default=sys.executable, help="of the torch to be run")
    parser.add_argument("--liger", help="a folder with Liger-Kernel's package, for its siblings")
    parser.add_argument("--kernel", action="append", help="only this one; may be repeated")
    parser.add_argument("--results", type=Path, help="JSON: what earlier runs found, and this one")
    parser.add_argument("--no-run", action="store_true", help="only report what --results holds")
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    given = parser.parse_args()
    rows = read(given.data)
    known: dict[str, Any] = {}
    if given.results and given.results.exists():
        known = json.loads(given.results.read_text())
    failed = False
    for key, chosen in processes(rows).items():
        if given.no_run or (given.kernel and key[0] not in given.kernel):
            continue
        found = run(key, chosen, given.python, given.liger)
        failed |= not found
        known |= found
        compared = [compare(row, known) for row in chosen]
        print(f"{' '.join(key)}: {summary(compared)}", flush=True)
        for line in compared:
            if line["off"]:
                print(f"    {line['x']}: {line['words']}")
        if given.results:
            given.results.write_text(json.dumps(known, indent=0) + "\n")
    compared = [compare(row, known) for row in rows]
    print(summary(compared))
    if given.report:
        given.report.write_text(report(compared, known))
    return int(failed)


def compare(row: Row, known: dict[str, Any]) -> dict[str, Any]:
    """A row beside what was found for it: `off` in bytes and `share` of the measurement."""
    measured = float(row["y_value_50"])
    found = known.get(key_of(row))
    line: dict[str, Any] = {"row": row, "measured": measured, "found": found}
    line["x"] = f"{row['kernel_operation_mode']} {row['x_name']} {row['x_value']}"
    if found is None:
        return line | {"off": None, "share": None, "words": "not run"}
    off = round((found["mib"] - measured) * 2**20)
    share = off / (measured * 2**20)
    words = f"{measured:.10g} measured, {off:+,} bytes ({share:+.3%})"
    return line | {"off": off, "share": abs(share), "words": words}


def _counts(lines: list[dict[str, Any]]) -> tuple[int, ...]:
    ran = [line for line in lines if line["found"] is not None]
    exact = sum(line["off"] == 0 for line in ran)
    within = [sum(line["share"] <= limit for line in ran) for limit in (1e-4, 1e-3)]
    return len(lines), len(ran), exact, *within


def summary(lines: list[dict[str, Any]]) -> str:
    """How many agree."""
    every, ran, exact, close, near = _counts(lines)
    return (
        f"{exact} of {every} rows to the byte, {close} within 0.01%, {near} within 0.1%"
        f"{f'; {every - ran} not run' if ran < every else ''}"
    )


def report(lines: list[dict[str, Any]], known: dict[str, Any]) -> str:
    """All rows in one table by kernel, and each that differs with its reason."""
    kernels: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        kernels.setdefault((line["row"]["kernel_name"], line["row"]["gpu_name"]), []).append(line)
    days = sorted({found["date"] for found in known.values()})
    text = [
        "# Measurements of PyTorch's operators on real GPUs, repeated without one",
        "",
        f"Made by `python benchmarks/measured_operators.py --report ...`; {', '.join(days)}.",
        "",
        f"**Measured by others, on real GPUs**: {SOURCE}, {len(lines)} rows of "
        "`max_memory_allocated` of calls of plain PyTorch and transformers operators, made by the "
        "scripts in benchmark/scripts of each row's day. Here each script's cases, written again, "
        "ran on the emulated card (`nincost/_emulator`): PyTorch's own operators and allocator, "
        'and kernels that do nothing. "To the byte" is after the scripts\' own rounding: they '
        "keep MiB as float32, so 12,000 MiB are known to the KiB.",
        "",
        f"**{summary(lines)}.**",
        "",
        "| kernel | card | torch | rows | to the byte | within 0.01% | within 0.1% | worst |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (kernel, gpu), group in kernels.items():
        every, ran, exact, close, near = _counts(group)
        versions = sorted({line["found"]["torch"] for line in group if line["found"]})
        worst = max((line["share"] for line in group if line["found"]), default=0.0)
        cells = [kernel, gpu, ", ".join(versions) or "not run", every, exact, close, near]
        text.append(f"| {' | '.join(map(str, cells))} | {f'{worst:.2%}' if ran else ''} |")
    text += ["", "## Rows that differ", "", "Here less measured, in bytes."]
    reasons: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        if line["off"] != 0:
            key = line["row"]["kernel_name"], reason(line["row"])
            reasons.setdefault(key, []).append(line)
    for (kernel, why), group in reasons.items():
        text += ["", f"**{kernel}**: {why}.", "", "| row | MiB measured | here less that |"]
        text.append("| --- | ---: | ---: |")
        for line in group:
            off = "not run" if line["off"] is None else f"{line['off']:+,} ({line['share']:.3%})"
            name = f"{line['x']}, {line['row']['gpu_name']}"
            text.append(f"| {name} | {line['measured']:.10g} | {off} |")
    text += [
        "", "## Versions", "",
        "Where compiled code or Liger's own cases run before, the packages beside them matter, "
        "too: what the compiler leaves in reference cycles stays on the card until Python's "
        "collector runs in full, and when it does depends on all that is imported. The 16 rows of "
        "embedding were exact with what pip chooses for torch 2.4.0, liger-kernel 0.2.1 and "
        "transformers 4.44.2 and nothing else (numpy 2.4): so here, and by the source's own script "
        "at b5672a15, unchanged, on the emulated card. With pytest or numpy 1.26 beside these both "
        "were off, by 2 to 92%, and our cases with Liger's layer from its source (PyPI's 0.2.1 has "
        "none, and nn.Embedding stood in its place) by 2 to 3%, so these rows "
        "say less of the emulated card than the others.", "",
    ]  # fmt: skip
    for (kernel, gpu), group in kernels.items():
        made = sorted({_versions(line["found"]) for line in group if line["found"]})
        text.append(f"- {kernel}, {gpu}: {'; '.join(made) or 'not run'}")
    return "\n".join(text) + "\n"


def _versions(found: dict[str, Any]) -> str:
    names = (
        "torch", "cudnn", "triton", "liger-kernel", "python", "transformers", "tokenizers", "numpy",
    )  # fmt: skip
    return ", ".join(f"{name} {found[name]}" for name in names if found.get(name))


if __name__ == "__main__":
    sys.exit(main())
