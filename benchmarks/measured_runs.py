"""Repeats training runs whose memory others measured on real GPUs, with `nincost run`, no GPU.

    python benchmarks/measured_runs.py --data FOLDER --results found.json \
        --report reports/measured_runs.md
    python benchmarks/measured_runs.py --data FOLDER --results found.json \
        --sources CHECKOUTS --python OTHER/bin/python --case litgpt-single

The rows are published figures, in training_runs.csv and megatron_golden.csv, which name their
sources; checkouts of those that are not packages are read from a folder of yours.
measured_run_cases/cases.py says which are repeated and how: by what the source says (its script,
configuration and counter), nothing by the figure. `--python` runs the named cases with another
interpreter, whose packages they need; what was found is kept in `--results`, a case's latest run in
the place of an earlier one.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from measured_run_cases.case import Case
from measured_run_cases.cases import CASES, DIFFERENCES, REASONS

HERE = Path(__file__).resolve().parent

UNITS = {"GiB": 2**30, "GB": 10**9, "MiB": 2**20, "bytes": 1}
VERSIONS = """
import json, sys
from importlib.metadata import version
import torch
found = {name: version(name) for name in ["torch", *sys.argv[1:]]}
print(json.dumps(found | {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version()}))
"""


def measured(case: Case, folder: Path) -> tuple[int, dict[str, str]]:
    """The bytes of a case's row, and the row; lines that begin with # are comments."""
    path = folder / case.data
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}; --data wants the measured rows") from error
    golden = case.data == "megatron_golden.csv"
    wanted = case.row if golden else case.row | {"group": case.group}
    found = [row for row in rows if all(row[name] == wanted[name] for name in wanted)]
    if len(found) != 1:
        raise SystemExit(f"{case.name}: {len(found)} rows of {path} fit {wanted}, not one")
    if golden:
        found[0] |= {"measured": f"{int(found[0]['max']):,}", "unit": "bytes"}
        return int(found[0]["max"]), found[0]
    if found[0]["unit"] not in UNITS:  # percent of a card
        found[0] |= {"measured": found[0]["gib"], "unit": "GiB"}
    return round(float(found[0]["measured"]) * UNITS[found[0]["unit"]]), found[0]


def run(case: Case, python: str, sources: Path) -> dict[str, Any] | None:
    """The counters that the case's script prints, with versions; None where it fails."""
    variables = {**os.environ, "PYTHONPATH": str(HERE.parent), **case.environment}
    script = HERE / "measured_run_cases" / case.script
    # The figure is the counter that the script prints, read as its source read it.
    command = [
        sys.executable, "-m", "nincost", "run", "--python", python, "--gpu", case.gpu,
        "--ranks", str(case.ranks), "--rank", str(case.rank), "--until-exit",
        "--capacity", "unlimited", "--format", "json", str(script),
        *(argument.replace("{sources}", str(sources.resolve())) for argument in case.arguments),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, capture_output=True, text=True, env=variables, cwd=folder, check=False
        )
    lines = [line for line in done.stderr.splitlines() if line.startswith("FOUND ")]
    if not lines:
        print(f"{case.name} failed: {done.stderr.strip()[-1500:]}", file=sys.stderr)
        return None
    asked = subprocess.run(
        [python, "-c", VERSIONS, *case.needs], capture_output=True, text=True, check=True
    )
    return {
        "counters": json.loads(lines[-1].removeprefix("FOUND ")),
        "versions": json.loads(asked.stdout),
    }


def main() -> int:
    """Run what is asked for, and report all that is known; exit status 1 where a case fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the measured rows")
    parser.add_argument("--python", default=sys.executable, help="of the packages to be run")
    parser.add_argument("--sources", type=Path, default=Path(), help="where checkouts lie")
    parser.add_argument("--case", action="append", help="only this one; may be repeated")
    parser.add_argument("--results", type=Path, help="JSON: what earlier runs found, and this one")
    parser.add_argument("--no-run", action="store_true", help="only report what --results holds")
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    given = parser.parse_args()
    unknown = set(given.case or ()) - {case.name for case in CASES}
    if unknown:
        raise SystemExit(f"no such case: {', '.join(unknown)}; see measured_run_cases/cases.py")
    known: dict[str, Any] = {}
    if given.results and given.results.exists():
        known = json.loads(given.results.read_text())
    failed = False
    runs: dict[Any, dict[str, Any] | None] = {}
    for case in CASES:
        if given.no_run or (given.case and case.name not in given.case):
            continue
        if case.run not in runs:
            runs[case.run] = run(case, given.python, given.sources)
        found = runs[case.run]
        failed |= found is None
        if found is not None:
            count = found["counters"][case.counter] + case.added
            versions = found["versions"]
            known[case.name] = {"bytes": count, "versions": versions, "date": str(date.today())}
            print(f"{case.name}: {share(case, known, given.data):+.3%}", flush=True)
        if given.results:
            given.results.write_text(json.dumps(known, indent=0) + "\n")
    if given.report:
        given.report.write_text(report(known, given.data))
    return int(failed)


def share(case: Case, known: dict[str, Any], data: Path) -> float:
    """The difference as a share of the measurement."""
    there = measured(case, data)[0]
    return float(known[case.name]["bytes"] / there - 1)


def report(known: dict[str, Any], data: Path) -> str:
    """Each row beside its measurement, with versions, and reasons of those over 1%."""
    ran = [case for case in CASES if case.name in known]
    offs = {case.name: share(case, known, data) for case in ran}
    days = sorted({found["date"] for found in known.values()})
    text = [
        "# Training runs on real GPUs, repeated without one",
        "",
        f"Made by `python benchmarks/measured_runs.py --report ...`; {', '.join(days)}.",
        "",
        "**Measured by others, on real GPUs**, and published; here each run was set up again by"
        " what its source says (script, configuration, counter) and run with `nincost run` on the"
        " emulated card. Chosen were runs whose script is public, that need no weights and whose"
        " inputs have a known shape; nothing was set by the figure to be met.",
        "",
    ]
    if ran:
        sizes = [abs(off) for off in offs.values()]
        tables = {case.group for case in ran}
        projects = len({group.partition("-")[0] for group in tables})  # torchtitan-PR165
        near = [sum(size <= limit for size in sizes) for limit in (0.001, 0.01, 0.05)]
        text += [
            f"**{len(ran)} of {len(CASES)} rows, {len(tables)} published tables of {projects} "
            "projects: "
            f"{near[0]} within 0.1%, {near[1]} within 1%, {near[2]} within 5%; median "
            f"{median(sizes):.2%}, worst {max(sizes):.2%}.**",
            "",
        ]
    text += [
        "Not as measured, by source (versions below):",
        "",
        *(f"- {group}: {words}." for group, words in DIFFERENCES.items()),
        "",
        "Most figures are published with two decimals, so differences below their last digit mean"
        " nothing; Megatron-LM's are in bytes.",
        "",
        "| case | source | card | parallelism | measured | emulated | difference |",
        "| --- | --- | --- | --- | ---: | ---: | ---: |",
    ]
    for case in CASES:
        _, row = measured(case, data)
        cells = [case.name, case.group, case.gpu, case.parallelism]
        cells.append(f"{row['measured']} {row['unit']}")
        if case.name in known:
            emulated = known[case.name]["bytes"] / UNITS[row["unit"]]
            cells.append(f"{emulated:,.0f}" if row["unit"] == "bytes" else f"{emulated:.4f}")
            cells.append(f"{offs[case.name]:+.2%}")
        else:
            cells += ["not run", ""]
        text.append(f"| {' | '.join(cells)} |")
    far = [case for case in ran if abs(offs[case.name]) > 0.01]
    text += ["", "## Reasons", ""] if far else []
    text += [f"- {case.name}: {REASONS.get(case.name, 'not found')}." for case in far]
    text += ["", "## Versions", ""]
    for case in ran:
        versions = known[case.name]["versions"].items()
        text.append(f"- {case.name}: {', '.join(f'{name} {value}' for name, value in versions)}")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    sys.exit(main())
