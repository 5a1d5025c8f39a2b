"""Runs the suite with several Pythons and versions of torch, and names each test that differs.

    python benchmarks/versions.py python3.11=2.11.0 python3.13=2.14.1

A pair is an interpreter and a version of torch (`newest` for the newest that pip finds); the oldest
and the newest pair are the ones to run before a release. Each gets a virtual environment in
--folder, which is used again the next time. An interpreter or a version that cannot be had is
named, and the exit status is 1, as it is where any test fails. With --deprecations a test fails
where a line of nincost uses what Python or torch will drop.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]

#: pytest's options that make a deprecation at a line of nincost a test's failure.
DEPRECATIONS = [
    "-o",
    "filterwarnings="
    + "\n".join([
        "ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning",
        "error::FutureWarning:nincost", "error::DeprecationWarning:nincost",
        "error::PendingDeprecationWarning:nincost",
    ]),
]  # fmt: skip


@dataclass(frozen=True)
class Result:
    """A pair's tests by name, each passed, failed or skipped; `problem` where none was run."""

    pair: str
    tests: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    def named(self, outcome: str) -> list[str]:
        """The tests with this outcome."""
        return [name for name, found in self.tests.items() if found == outcome]


def run_pair(pair: str, folder: Path, chosen: list[str]) -> Result:
    """Make the pair's environment unless it is there, and run the suite in it."""
    interpreter, _, torch = pair.partition("=")
    found = shutil.which(interpreter)
    if found is None:
        return Result(pair, problem=f"no interpreter {interpreter}")
    venv = folder / pair.replace("/", "-").strip("-")
    python = venv / "bin" / "python"
    if not (venv / "ready").exists():
        version = "torch" if torch in ("", "newest") else f"torch=={torch}"
        steps = (
            [found, "-m", "venv", "--clear", str(venv)],
            [str(python), "-m", "pip", "install", "--quiet", version, f"{ROOT}[test]"],
            [str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "nincost"],
        )
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                return Result(pair, problem=f"{step[-1]} cannot be installed: {last}")
        (venv / "ready").touch()
    report = venv / "report.xml"
    report.unlink(missing_ok=True)
    subprocess.run(
        [str(python), "-m", "pytest", "-q", f"--junit-xml={report}", *chosen],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    if not report.exists():
        return Result(pair, problem="pytest did not finish")
    return Result(pair, read(report))


def read(report: Path) -> dict[str, str]:
    """The outcome of each test of a JUnit report."""
    tests = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        tests[f"{case.get('classname')}::{case.get('name')}"] = (
            "skipped" if "skipped" in kinds else outcome
        )
    return tests


def differences(results: list[Result]) -> list[str]:
    """A line for each test that not all pairs have with the same outcome."""
    run = [result for result in results if not result.problem]
    lines = []
    for name in sorted({name for result in run for name in result.tests}):
        outcomes = [result.tests.get(name, "not there") for result in run]
        if len(set(outcomes)) > 1:
            told = ", ".join(
                f"{result.pair} {outcome}" for result, outcome in zip(run, outcomes, strict=True)
            )
            lines.append(f"{name}: {told}")
    return lines


def main() -> int:
    """Run all pairs; exit status 1 where a test failed or a pair could not be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", metavar="PYTHON=TORCH")
    parser.add_argument("--folder", type=Path, default=Path(".versions"))
    parser.add_argument("--deprecations", action="store_true", help="what is deprecated fails")
    parser.add_argument("--tests", nargs="*", default=[], help="arguments for pytest")
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [*(DEPRECATIONS if given.deprecations else ()), *given.tests]
    results = [run_pair(pair, folder, chosen) for pair in given.pairs]
    print()
    for result in results:
        if result.problem:
            print(f"{result.pair}: NOT RUN: {result.problem}")
            continue
        failed = result.named("failed")
        print(
            f"{result.pair}: {len(result.named('passed'))} passed, {len(failed)} failed, "
            f"{len(result.named('skipped'))} skipped"
        )
        for name in failed:
            print(f"  failed: {name}")
    print("\n".join(["differs:", *differences(results)]) if differences(results) else "all alike")
    return 1 if any(result.problem or result.named("failed") for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
