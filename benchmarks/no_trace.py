"""What profiles leave in all of torchvision's models and sixty of timm's, and in the process.

    python benchmarks/no_trace.py --processes 2 --output reports/no_trace.json

Each model is profiled in both modes, then again with an error or an interrupt at random operators
and with a hook that fails; its state and the process's are compared before and after each run.
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


def run(job: tuple[str, int, int]) -> dict[str, Any]:
    """All runs of one model; `refused` says why a plain profile of it ended in an error."""
    import torch
    from reliability.untouched import try_all
    from reliability.zoo import commands, load

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    name, faults, hooks = job
    model, given = load(name)
    tried = try_all(model, commands(model, given), Random(name), faults=faults, hooks=hooks)
    purposes = ("on purpose", "KeyboardInterrupt")
    refused = [text for text in tried.errors if not any(word in text for word in purposes)]
    return {
        "model": name,
        "runs": tried.runs,
        "errors": tried.errors.total(),
        "refused": refused,
        "found": tried.found,
    }


def main() -> int:
    from reliability.zoo import timm_names, torchvision_names

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--timm", type=int, default=60, help="how many models of timm")
    parser.add_argument("--faults", type=int, default=2, help="of each model")
    parser.add_argument("--hooks", type=int, default=1, help="of each model")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, help="where to write the result as JSON")
    options = parser.parse_args()
    names = [f"torchvision:{name}" for name in torchvision_names()]
    names += [f"timm:{name}" for name in timm_names(options.timm)]
    Random(0).shuffle(names)
    began = time.monotonic()
    counts: Counter[str] = Counter()
    results = []
    jobs = [(name, options.faults, options.hooks) for name in names]
    with multiprocessing.get_context("spawn").Pool(options.processes, maxtasksperchild=10) as pool:
        for result in pool.imap_unordered(run, jobs):
            results.append(result)
            counts["models"] += 1
            counts["runs"] += result["runs"]
            counts["runs that ended in an error"] += result["errors"]
            counts["models with traces"] += bool(result["found"])
            print(f"{counts['models']} of {len(names)}  {result['model']}", flush=True)
            for text in (*result["found"], *result["refused"]):
                print(f"    {text}", flush=True)
            if options.output:
                text = {"counts": counts, "seconds": round(time.monotonic() - began)}
                options.output.write_text(json.dumps({**text, "models": results}, indent=1) + "\n")
    print(", ".join(f"{number:,} {name}" for name, number in counts.items()))
    return 1 if counts["models with traces"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
