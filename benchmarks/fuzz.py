"""Random networks, and nincost's figures for them against other sources (tests/reliability).

    python benchmarks/fuzz.py --cases 20000 --memory 4000 --processes 2 --output reports/fuzz.json

Case number N is `random_network(Random(N))`; `--first N --cases 1` runs it again and prints its
program. With a difference the exit status is 1, and the network is printed with all steps taken
out that the difference does not need.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

CHUNK = 25


def run(job: tuple[int, int, int]) -> dict[str, Any]:
    """Cases `first` to `last`; those below `memory` are trained as well."""
    import torch
    from reliability.counts import differences
    from reliability.networks import random_network
    from reliability.replay import is_exact, memory_differences

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    first, last, memory = job
    kinds: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    failures = []
    for case in range(first, last):
        network = random_network(Random(case))
        kinds += network.kinds
        counts["networks"] += 1
        counts["steps"] += len(network.steps)
        found = differences(network)
        if case < memory:
            trained = memory_differences(network)
            counts["trained"] += trained is not None
            counts["trained, each allocation compared"] += trained is not None and is_exact(network)
            found = found + (trained or [])
        if found:
            check = found[0].check
            smallest = smaller(network, check, differences, memory_differences)
            failures.append(
                {"case": case, "differences": [*map(str, found)], "program": smallest.program}
            )
    return {"kinds": kinds, "counts": counts, "failures": failures}


def smaller(network: Any, check: str, *sources: Any) -> Any:
    """The network without the steps that a difference in `check` does not need."""

    def still(candidate: Any) -> bool:
        try:
            found = [d for source in sources for d in source(candidate) or ()]
        except Exception:
            return False
        return any(difference.check == check for difference in found)

    position = 0
    while position < len(network.steps):
        candidate = network.without(position)
        if still(candidate):
            network = candidate
        else:
            position += 1
    return network


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--memory", type=int, default=4_000, help="how many are trained as well")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, help="where to write the result as JSON")
    options = parser.parse_args()
    end = options.first + options.cases
    jobs = [
        (start, min(start + CHUNK, end), options.first + options.memory)
        for start in range(options.first, end, CHUNK)
    ]
    kinds: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    failures: list[dict[str, Any]] = []
    began = time.monotonic()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(options.processes, maxtasksperchild=20) as pool:
        for number, result in enumerate(pool.imap_unordered(run, jobs), 1):
            kinds += result["kinds"]
            counts += result["counts"]
            failures += result["failures"]
            for failure in result["failures"]:
                print(f"case {failure['case']}: {'; '.join(failure['differences'])}", flush=True)
            if number % 20 == 0 or number == len(jobs):
                rate = counts["networks"] / (time.monotonic() - began)
                print(
                    f"{counts['networks']:,} networks, {rate:.1f} a second, "
                    f"{len(failures)} with differences",
                    flush=True,
                )
    print("\n| tried | times |\n| --- | ---: |")
    for kind, times in sorted(kinds.items(), key=lambda item: -item[1]):
        print(f"| {kind} | {times:,} |")
    for failure in failures:
        print(f"\n# case {failure['case']}: {'; '.join(failure['differences'])}")
        print(failure["program"].partition("more: tuple = ()")[2])
    if options.output:
        import torch

        import nincost

        result = {
            "first": options.first,
            "counts": counts,
            "kinds": dict(kinds.most_common()),
            "failures": failures,
            "seconds": round(time.monotonic() - began),
            "torch": torch.__version__,
            "nincost": nincost.__version__,
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
