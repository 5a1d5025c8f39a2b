"""Holds predictions of memory against what PyTorch's own CUDA code takes, with no GPU.

    python benchmarks/emulated_steps.py --report reports/emulated_steps.md   # validate's suite
    python benchmarks/emulated_steps.py torchvision:resnet18 --batch-size 8 --set amp=bfloat16
    python benchmarks/emulated_steps.py two-1x1 --batch-size 32 --events
    python benchmarks/emulated_steps.py --networks 200 --gpu a100-40gb

`--events` tells where allocations differ: `<` predicted only, `>` PyTorch's only, with the Python
lines that made it. Random networks are those of tests/reliability. For what the figures are, and
are not, see tests/no_gpu/emulated_runtime.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from no_gpu.emulated_steps import Compared, compare, compare_networks

from nincost._devices.cards import get_gpu
from nincost._validate.suite import Case, suite


def parse(text: str) -> tuple[str, Any]:
    """`amp=bfloat16` or `optimizer_arg={"momentum": 0.9}`."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def networks(first: int, count: int, gpu: str) -> int:
    """Compare random networks, and print those that differ; exit status 1 where one does."""
    different = compared = 0
    for told in compare_networks(first, count, gpu):
        compared += told["compared"]
        if told["differences"]:
            different += 1
            body = told["program"].partition("class Net(")[2]
            print("\n".join([f"network {told['case']}: {body}", *told["differences"]]), flush=True)
    print(f"{compared} of {count} networks compared, {different} differ")
    return int(different > 0)


def main() -> int:
    """Compare the cases; exit status 1 where one differs or cannot be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="*", help="the suite of validate where none is named")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=JSON")
    parser.add_argument("--gpu", default="h100")
    parser.add_argument("--networks", type=int, default=0, help="random networks in their place")
    parser.add_argument("--first", type=int, default=0, help="the first network's number")
    parser.add_argument("--events", action="store_true", help="where single allocations differ")
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    given = parser.parse_args()
    gpu = get_gpu(given.gpu).name
    if given.networks:
        return networks(given.first, given.networks, gpu)
    options = dict(parse(text) for text in given.set)
    cases = [Case(name, given.batch_size, options) for name in given.models] or suite()
    results = []
    for case in cases:
        results.append(compare(case, gpu, events=given.events))
        print("\n".join([str(results[-1]), *results[-1].events]), flush=True)
    print(summary(results))
    if given.report:
        given.report.write_text(report(results))
    return int(not all(one.alike for one in results))


def summary(results: list[Compared]) -> str:
    """How many agree to the byte."""
    ran = [one for one in results if not one.problem]
    words = []
    for name in ("allocated", "reserved"):
        pairs = [getattr(one, name) for one in ran]
        exact = sum(mine == real for mine, real in pairs)
        worst = max((abs(mine / real - 1) for mine, real in pairs), default=0.0)
        words.append(f"{name} in {exact} of {len(results)} to the byte, at most {worst:.2%} off")
    return "; ".join(words)


def report(results: list[Compared]) -> str:
    """The suite as a table, with what it was run by."""
    import torch

    from nincost._devices.libraries.cudnn_plans import plans_on

    card = get_gpu(results[0].gpu)
    lines = [
        "# Predicted memory against PyTorch's own CUDA code, without a GPU",
        "",
        f"torch {torch.__version__}; {plans_on(card).source}; as on {card.title}; {date.today()}. "
        "Made by `python benchmarks/emulated_steps.py --report reports/emulated_steps.md`.",
        "",
        "**Not measured on a GPU.** PyTorch's CUDA build ran these steps on the emulated GPU, a "
        "CUDA in which kernels do nothing (`nincost/_emulator`): what was "
        "dispatched, allocated and freed is PyTorch's own, and so are the peaks of its caching "
        "allocator. Convolutions' workspaces are what the installed cuDNN answers for this card. "
        "Not in it: what a kernel would refuse, scratch memory of batch norm in cuDNN (taken for "
        "none), and the CUDA context.",
        "",
        f"{summary(results)[0].upper()}{summary(results)[1:]}.",
        "",
        "| step | allocated, MiB | predicted less that | reserved, MiB | predicted less that |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for one in results:
        if one.problem:
            lines.append(f"| {one.case.name} | not run: {one.problem} | | | |")
            continue
        cells = [one.case.name]
        for mine, real in (one.allocated, one.reserved):
            cells += [f"{real / 2**20:,.1f}", f"{mine - real:+,}" if mine != real else "0"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
