"""Repeats training runs whose memory others measured on real GPUs, with `nincost run`, no GPU.

    python benchmarks/measured_runs.py --data training_runs.csv --results found.json \
        --report reports/measured_runs.md
    python benchmarks/measured_runs.py --data training_runs.csv --results found.json \
        --python OTHER/bin/python --case litgpt-single

The rows are published figures, whose sources the CSV names. measured_run_cases/cases.py says which
are repeated and how: by what the source says (its script, configuration and counter), nothing by
the figure. `--python` runs the named cases with another interpreter, whose packages they need;
what was found is kept in `--results`, a case's latest run in the place of an earlier one.
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

from measured_run_cases.cases import CASES, Case

HERE = Path(__file__).resolve().parent

UNITS = {"GiB": 2**30, "GB": 10**9, "MiB": 2**20, "bytes": 1}
VERSIONS = """
import json, sys
from importlib.metadata import version
import torch
found = {name: version(name) for name in ["torch", *sys.argv[1:]]}
print(json.dumps(found | {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version()}))
"""


def measured(case: Case, path: Path) -> tuple[int, dict[str, str]]:
    """The bytes of a case's row, and the row; lines that begin with # are comments."""
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}; --data wants the measured rows") from error
    wanted = case.row | {"group": case.group}
    found = [row for row in rows if all(row[name] == wanted[name] for name in wanted)]
    if len(found) != 1:
        raise SystemExit(f"{case.name}: {len(found)} rows of {path} fit {wanted}, not one")
    return round(float(found[0]["measured"]) * UNITS[found[0]["unit"]]), found[0]


def run(case: Case, python: str) -> dict[str, Any] | None:
    """What the emulated card counts, with versions; None where it fails."""
    variables = dict(os.environ) | {"PYTHONPATH": str(HERE.parent)}
    script = HERE / "measured_run_cases" / case.script
    # The figure is the counter that the script prints, read as its source read it.
    command = [
        sys.executable, "-m", "nincost", "run", "--python", python, "--gpu", case.gpu,
        "--ranks", str(case.ranks), "--until-exit", "--capacity", "unlimited", "--format", "json",
        str(script), *case.arguments,
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
    found = json.loads(lines[-1].removeprefix("FOUND "))
    versions = json.loads(asked.stdout)
    return {"bytes": found[case.counter] + case.added, "versions": versions} | {
        "date": str(date.today())
    }


def main() -> int:
    """Run what is asked for, and report all that is known; exit status 1 where a case fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the measured rows, as CSV")
    parser.add_argument("--python", default=sys.executable, help="of the packages to be run")
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
    for case in CASES:
        if given.no_run or (given.case and case.name not in given.case):
            continue
        found = run(case, given.python)
        failed |= found is None
        if found is not None:
            known[case.name] = found
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
        near = [sum(size <= limit for size in sizes) for limit in (0.001, 0.01, 0.05)]
        text += [
            f"**{len(ran)} of {len(CASES)} rows, {len({case.group for case in ran})} sources: "
            f"{near[0]} within 0.1%, {near[1]} within 1%, {near[2]} within 5%; median "
            f"{median(sizes):.2%}, worst {max(sizes):.2%}.**",
            "",
        ]
    text += [
        "Not as measured: torch and most packages are today's; litgpt is of the rows' time."
        " litgpt's single and DDP rows accumulate 2 micro-batches, not 128 and 16, without the"
        " validation before. A first set-up of litgpt-single, with a newer litgpt and gradient"
        " clipping, gave 31.35 GB; the source's script does not clip, so the case does not. Both"
        " were changed at once, so which of them made the difference is not known."
        " torch-preflight's synthetic models, which ran before on the same card, are left out.",
        "",
        "Figures are published with two decimals, so differences below their last digit mean"
        " nothing.",
        "",
        "| case | source | card | parallelism | measured | emulated | difference |",
        "| --- | --- | --- | --- | ---: | ---: | ---: |",
    ]
    for case in CASES:
        _, row = measured(case, data)
        cells = [case.name, case.group, case.gpu, case.parallelism]
        cells.append(f"{row['measured']} {row['unit']}")
        if case.name in known:
            cells.append(f"{known[case.name]['bytes'] / UNITS[row['unit']]:.4f}")
            cells.append(f"{offs[case.name]:+.2%}")
        else:
            cells += ["not run", ""]
        text.append(f"| {' | '.join(cells)} |")
    far = [case for case in ran if abs(offs[case.name]) > 0.01]
    text += ["", "## Reasons", ""] if far else []
    text += [f"- {case.name}: {case.reason}." for case in far]
    text += ["", "## Versions", ""]
    for case in ran:
        versions = known[case.name]["versions"].items()
        text.append(f"- {case.name}: {', '.join(f'{name} {value}' for name, value in versions)}")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    sys.exit(main())
