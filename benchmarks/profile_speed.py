"""How long a profile takes beside a bare forward on meta, and beside other tools.

    python benchmarks/profile_speed.py [--rounds 7] [--output reports/profile_speed.md]

Each round times every tool once on the same model in one process, so that a machine whose speed
drifts hurts all alike; the figure is the median over the rounds of tool / bare forward. Tools run
on meta where they can; fvcore, ptflops, calflops and thop get a real model on the CPU where they
cannot. A count is right where it equals the published figure (torchvision's `_ops`; for NiN, the
sum by hand) to three decimals of G.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import logging
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import torch
import torchvision
from torch import nn

import nincost
from nincost._models.copies import copy_with_zeros
from nincost._models.sources import resolve

PUBLISHED = {
    "two-1x1": 0.762,
    "resnet50": 4.089,
    "vit_b_16": 17.564,
    "swin_t": 4.491,
    "densenet201": 4.291,
}


def tools(
    meta: nn.Module, real: nn.Module, shape: tuple[int, ...]
) -> dict[str, Callable[[], float]]:
    """Each tool as a function that gives its count in G MACs."""
    on_meta, on_cpu = torch.empty(shape, device="meta"), torch.zeros(shape)

    def bare() -> float:
        with torch.no_grad():
            meta(on_meta)
        return float("nan")

    def ours() -> float:
        return nincost.profile(meta, input=on_meta).totals.macs / 1e9

    def flop_counter() -> float:
        from torch.utils.flop_counter import FlopCounterMode

        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            meta(on_meta)
        return counter.get_total_flops() / 2e9

    def torchinfo() -> float:
        from torchinfo import summary

        return summary(meta, input_data=on_meta, verbose=0, device="meta").total_mult_adds / 1e9

    def fvcore() -> float:
        from fvcore.nn import FlopCountAnalysis

        return FlopCountAnalysis(real, on_cpu).total() / 1e9

    def thop() -> float:
        from thop import profile

        return profile(real, inputs=(on_cpu,), verbose=False)[0] / 1e9

    def ptflops() -> float:
        from ptflops import get_model_complexity_info

        macs, _ = get_model_complexity_info(
            real,
            shape[1:],
            as_strings=False,
            print_per_layer_stat=False,
            backend="aten",
            verbose=False,
        )
        return macs / 1e9

    def calflops() -> float:
        from calflops import calculate_flops

        _, macs, _ = calculate_flops(
            real,
            input_shape=shape,
            print_results=False,
            print_detailed=False,
            output_as_string=False,
        )
        return macs / 1e9

    return {
        "bare forward": bare, "nincost": ours, "FlopCounterMode": flop_counter,
        "torchinfo": torchinfo, "fvcore": fvcore, "thop": thop, "ptflops": ptflops,
        "calflops": calflops,
    }  # fmt: skip


def measure(
    functions: dict[str, Callable[[], float]], rounds: int
) -> dict[str, tuple[float, float, float]]:
    """For each tool: its count, the median ratio to the bare forward, the median milliseconds."""
    counts: dict[str, float] = {}
    times: dict[str, list[float]] = {}
    for index in range(-1, rounds):  # the first round only warms up
        for name, function in functions.items():
            if index >= 0 and name not in counts:
                continue
            start = time.perf_counter()
            try:
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    count = function()
            except Exception as error:
                print(
                    f"  {name} failed: {type(error).__name__}: {str(error)[:80]}", file=sys.stderr
                )
                continue
            if index < 0:
                counts[name] = count
            else:
                times.setdefault(name, []).append(time.perf_counter() - start)
    bare = times["bare forward"]
    return {
        name: (
            counts[name],
            statistics.median(mine / base for mine, base in zip(taken, bare, strict=True)),
            1e3 * statistics.median(taken),
        )
        for name, taken in times.items()
    }


def start_up(rounds: int) -> list[tuple[str, float]]:
    """Seconds of whole processes, in turn: Python alone, --help, import torch, a profile."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "nincost --help": [sys.executable, "-m", "nincost", "--help"],
        "import torch": [sys.executable, "-c", "import torch"],
        "nincost profile": [sys.executable, "-m", "nincost", "profile"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for index in range(-1, rounds):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if index >= 0:
                times[name].append(time.perf_counter() - start)
    over = [a - b for a, b in zip(times["nincost profile"], times["import torch"], strict=True)]
    rows = [(name, statistics.median(taken)) for name, taken in times.items()]
    return [*rows, ("nincost profile over import torch", statistics.median(over))]


def report(rounds: int) -> str:
    """Everything as Markdown."""
    lines = [
        "# How fast a profile is",
        "",
        f"`python benchmarks/profile_speed.py --rounds {rounds}` on {datetime.date.today()}: "
        f"torch {torch.__version__}, torchvision {torchvision.__version__}, Python "
        f"{platform.python_version()}, {torch.get_num_threads()} threads on a shared machine, so "
        "trust the ratios and not the milliseconds.",
        "",
        "Each cell: median time / bare meta forward, then G MACs; **wrong** where the count is not "
        "the published one.",
        "",
    ]
    header: list[str] = []
    for name, published in PUBLISHED.items():
        model = resolve(name if name == "two-1x1" else f"torchvision:{name}")
        shape = (1, *map(int, model.default_input[0].split("x")))
        meta, real = model.module.eval(), copy_with_zeros(model.module).eval()
        results = measure(tools(meta, real, shape), rounds)
        if not header:
            header = list(results)
            lines += ["| model | " + " | ".join(header) + " |", "| --- |" + " ---: |" * len(header)]
        cells = []
        for tool in header:
            if tool not in results:
                cells.append("failed")
                continue
            count, ratio, milliseconds = results[tool]
            if tool == "bare forward":
                cells.append(f"1 ({milliseconds:.1f} ms)")
            else:
                wrong = "" if abs(count - published) < 0.00051 else " **wrong**"
                cells.append(f"{ratio:.2f}, {count:.3f}{wrong}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr)
    lines += ["", "Batch 256 against batch 1 (median of paired ratios):", ""]
    for name in ("two-1x1", "torchvision:resnet50"):
        ratios = []
        model = resolve(name).module.eval()
        size = resolve(name).default_input[0]
        for _ in range(rounds):
            taken = []
            for batch in (1, 256):
                start = time.perf_counter()
                nincost.profile(model, input=size, batch_size=batch)
                taken.append(time.perf_counter() - start)
            ratios.append(taken[1] / taken[0])
        lines.append(f"- {name}: {statistics.median(ratios):.2f}")
    lines += ["", "Whole processes (median seconds):", ""]
    lines += [f"- {name}: {seconds:.3f}" for name, seconds in start_up(rounds)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    text = report(options.rounds)
    print(text)
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
