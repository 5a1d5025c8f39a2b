"""Fits the parameters of `nincost time` to measured kernels and networks.

    python benchmarks/fit_time.py --measured FOLDER --cache FOLDER --write

`--measured` has `kernels/*.csv.gz` (NeuSight's, float32, five cards) and
`timm_train_rtx3090_*.csv`; steps on an H100 are in `data/h100`. `--cache` keeps recordings
(`--record` makes those that are not there, an hour for all). Only half of timm's models, and half
of those on the H100, are fitted to, by a hash of their names: `step_time.py` tests on the others,
and fits again without a card to test on that card. `--write` writes
`nincost/_time/parameters.toml`.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from step_time_cases.cards import card_of
from step_time_cases.h100 import GPU as H100
from step_time_cases.h100 import Step, read_steps, record_steps
from step_time_cases.kernels import KernelRow, launches, read_kernels, sample
from step_time_cases.libraries import of_then
from step_time_cases.profiled import Profiled, read_profiled
from step_time_cases.search import Values, changed, search
from step_time_cases.timm_rows import GPU, TimmRow, read_rows, record_rows

from nincost._devices.cards import Gpu
from nincost._time import kernels
from nincost._time.kernels import WorkTable, kernel_times
from nincost._time.parameters import Parameters
from nincost._time.peaks import peak_of
from nincost._time.queue import Queue, run_queue
from nincost._time.work.kinds import INSTRUCTIONS

PARAMETERS = Path(__file__).resolve().parents[1] / "nincost/_time/parameters.toml"
#: Rows of an operator and card that are fitted to.
EACH = 300
#: In NeuSight's rows the host records the second event while the kernel runs; that takes this share
#: of what the same host takes to launch an addition (read off the rows around that size).
HIDDEN = 0.42

_ROWS = ("softmax", "norm")
CORES: tuple[tuple[str, ...], ...] = (
    ("memory", "elementwise"), *[("memory", name) for name in _ROWS],
    ("memory", "matmul"), ("memory", "batched-matmul"), ("memory", "conv-forward"),
    ("cores", "efficiency", "matmul"), ("cores", "efficiency", "batched-matmul"),
    ("cores", "efficiency", "conv-forward"), ("cores", "small_tiles"), ("cores", "filling"),
    ("cores", "picojoules", "7"), ("cores", "picojoules", "8"),
    ("kernels", "overlap"),
)  # fmt: skip
TENSOR: tuple[tuple[str, ...], ...] = (
    *[("memory", name) for name in (
        "depthwise-forward", "depthwise-data", "depthwise-filter", "copy", "transpose", "layout",
        "reduction", "batch-norm", "batch-norm-backward", "native-batch-norm",
        "native-batch-norm-backward", "norm-backward", "indexing",
        "optimizer", "conv-data", "conv-filter",
    )],
    ("tensor", "memory", "conv-forward"),
    *[("tensor", "efficiency", name) for name in (
        "matmul", "batched-matmul", "conv-forward", "conv-data", "conv-filter",
    )],
    *[("cores", "efficiency", f"depthwise-{name}") for name in ("forward", "data", "filter")],
)  # fmt: skip
#: What only operators profiled on the H100 show, and where its search begins.
OPERATORS: tuple[tuple[str, ...], ...] = (
    # Those of depthwise kernels are read off the kernels themselves: a step has only their sum.
    # An exponential's are the unit's rate.
    *[("instructions", name) for name in INSTRUCTIONS
      if name and "depthwise" not in name and name != "scores"],
    *[(kind, "efficiency", name) for kind in ("cores", "tensor")
      for name in ("attention", "attention-backward")],
    *[("block_bandwidth", name) for name in ("batch-norm", "native-batch-norm")],
)  # fmt: skip
BEGIN = {
    **{path: 100.0 for path in OPERATORS if path[0] == "instructions"},
    ("instructions", "dropped-scores"): 40.0, ("instructions", "pooling"): 20.0,
    ("instructions", "adaptive"): 300.0,
    **{path: 0.4 for path in OPERATORS if "efficiency" in path},
}  # fmt: skip
#: Where the search for `CORES` begins, so that no fit knows what another one found.
START = dict(zip(CORES, (
    0.9, 0.75, 0.7, 0.8, 0.8, 0.8, 0.85, 0.85, 0.65, 0.1, 16.0, 25.0, 20.0, 3.0,
), strict=True))  # fmt: skip
HOST: tuple[tuple[str, ...], ...] = (("host", "forward"), ("host", "backward"))


_TILES: dict[Any, Any] = {}


def _remembered(
    product: Any, family: str, precision: Any, gpu: Gpu, parameters: Parameters, kernel: str = ""
) -> Any:
    """What tiles take, computed once for all fits' parameters that it hangs on."""
    tensor = peak_of(gpu, precision).tensor
    units = parameters.tensor if tensor else parameters.cores
    key = (
        hash(product.tobytes()), family, precision, gpu.title, units.efficiency[family],
        units.small_tiles, units.filling, parameters.most_flops(gpu, tensor=tensor, size=2),
        parameters.memory[family], kernel, bool(parameters.tiles),
    )  # fmt: skip
    if key not in _TILES:
        if len(_TILES) > 4000:
            _TILES.clear()
        _TILES[key] = _computed(product, family, precision, gpu, parameters, kernel)
    return _TILES[key].copy()


_computed = kernels._tiled
kernels._tiled = _remembered

#: Generations whose energy of a FLOP may be missing from a fit: half of the way (as logarithms)
#: between the one before and the one after.
_BETWEEN = {"8": ("7", "9")}
#: TSMC's 12 nm (Volta, Turing) is its 16 nm (Pascal) with denser cells: one energy for both.
_ONE_PROCESS = ("7", "6")
#: Pascal's kernels for linear layers, whose operands both have their inner dimension contiguous,
#: lose where rows lie far apart, as no other card's do: on a P100 from some 8,192 elements on, to a
#: third at 65,536; on a P4 from the smallest on. Its batched products do not. Of the P100 what is
#: below is fitted to, of the P4 nothing.
_MOST_INNER = {"Tesla P100-PCIE-16GB": 8192, "Tesla P4": 0}


def hidden(beside: dict[tuple[str, str], float], card: str) -> float:
    """Seconds that the host takes to record an event on the card's machine."""
    additions = [found for (name, _), found in beside.items() if name == "add"]
    return HIDDEN * beside.get(("add", card), float(np.median(additions)))


class KernelSet:
    """Measured kernels as tables, by operator and card."""

    def __init__(self, rows: Sequence[KernelRow], beside: dict[tuple[str, str], float]) -> None:
        groups: dict[tuple[str, str], list[KernelRow]] = {}
        for row in rows:
            groups.setdefault((row.operator, row.card), []).append(row)
        self.beside = beside
        self.tables = {
            key: WorkTable.of([row.work for row in group]) for key, group in groups.items()
        }
        self.seconds = {key: np.array([r.seconds for r in group]) for key, group in groups.items()}

    def predicted(self, key: tuple[str, str], parameters: Parameters) -> Any:
        """Seconds as NeuSight would measure them."""
        times = kernel_times(self.tables[key], card_of(key[1]), parameters).seconds
        return self.beside[key] + np.maximum(times - hidden(self.beside, key[1]), 0)

    def errors(self, key: tuple[str, str], parameters: Parameters) -> Any:
        """Logarithms of predicted over measured."""
        return np.log(self.predicted(key, parameters) / self.seconds[key])


class NetworkSet:
    """Measured steps of networks, or operators of steps, on one card, as one table."""

    def __init__(self, rows: Sequence[TimmRow] | Sequence[Profiled], card: Gpu = GPU) -> None:
        self.card = card
        works = [
            (work, many, at) for at, row in enumerate(rows) for work, many in row.works.items()
        ]
        self.table = WorkTable.of([work for work, _, _ in works])
        self.many = np.array([many for _, many, _ in works], dtype=float)
        self.row = np.array([at for _, _, at in works])
        self.seconds = np.array([row.seconds for row in rows])

    def predicted(self, parameters: Parameters) -> Any:
        """Seconds of each row's step, bound by the card."""
        times = kernel_times(self.table, self.card, parameters).seconds
        return np.bincount(self.row, times * self.many, len(self.seconds))

    def errors(self, parameters: Parameters) -> Any:
        """Logarithms of predicted over measured."""
        return np.log(self.predicted(parameters) / self.seconds)


class StepSet:
    """Steps measured on the H100, each with its queue."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.tables = [WorkTable.of(step.operators.works) for step in steps]
        self.seconds = np.array([step.seconds for step in steps])

    def queue(self, at: int, parameters: Parameters) -> Queue:
        """How one of them runs."""
        operators = self.steps[at].operators
        each = kernel_times(self.tables[at], H100, parameters).seconds.tolist()
        on_card = [sum(each[work] for work in one.works) for one in operators.launched]
        kernels = [sum(operators.works[work].launches for work in one.works)
                   for one in operators.launched]  # fmt: skip
        return run_queue(operators.launched, on_card, kernels, parameters.host)

    def errors(self, parameters: Parameters) -> Any:
        """Logarithms of predicted over measured seconds of a step."""
        found = [self.queue(at, parameters).seconds for at in range(len(self.steps))]
        return np.log(np.array(found) / self.seconds)


def bounds(path: tuple[str, ...]) -> tuple[float, float]:
    """Nothing is much better than its peak: cards run above the clock of their data sheet."""
    if "memory" in path:
        return 0.05, 1.0
    if path == ("cores", "filling"):
        return 8.0, 1e3  # sgemm kernels take 8 inner elements at a time ("128x128x8")
    if path == ("cores", "small_tiles"):
        return 0.02, 1.0
    return (0.005, 1.1) if "efficiency" in path else (1e-9, 1e12)


def fit_cores(values: Values, rows: KernelSet, *, without: str = "", sweeps: int = 5) -> Values:
    """Ordinary cores, and what waits for memory, to single kernels of all cards but one."""
    chips = {card: _chip(card) for _, card in rows.tables}
    kept = {card for card, chip in chips.items() if not without or chip != _chip(without)}
    missing = {chip[0] for chip in chips.values()} - {chips[card][0] for card in kept}
    missing -= set(_ONE_PROCESS)
    paths = [path for path in CORES if path[-1] not in missing]
    for path, value in START.items():
        values = changed(values, path, value)
    keys = [key for key in rows.tables if key[1] in kept]
    operators = {key[0] for key in keys}

    def loss(tried: Values) -> float:
        parameters = of_then(_alike(_between(tried, missing)))
        by_operator: dict[str, list[float]] = {name: [] for name in operators}
        for key in keys:
            by_operator[key[0]].append(float(np.abs(rows.errors(key, parameters)).mean()))
        # Eleven element-wise operators count as much as one of the others.
        weights = {name: 0.1 if name not in ("softmax", "ln", "linear", "bmm", "conv") else 1.0
                   for name in operators}  # fmt: skip
        return sum(weights[name] * float(np.mean(by_operator[name])) for name in operators)

    found = search(values, paths, loss, sweeps=sweeps, bounds=bounds)[0]
    return _alike(_between(found, missing))


def _chip(card: str) -> tuple[str, int]:
    """Generation and multiprocessors: both A100s are left out together."""
    gpu = card_of(card)
    return str(gpu.capability[0]), gpu.sm_count


def _alike(values: Values) -> Values:
    """The energy of the generations that are made in one process."""
    fitted, other = _ONE_PROCESS
    energy = values["cores"]["picojoules"][fitted]
    return changed(values, ("cores", "picojoules", other), energy)


def _between(values: Values, missing: set[str]) -> Values:
    """The energy of a generation that no card of the fit has."""
    energy = values["cores"]["picojoules"]
    for name in missing & _BETWEEN.keys():
        before, after = _BETWEEN[name]
        mean = float(np.sqrt(energy[before] * energy[after]))
        values = changed(values, ("cores", "picojoules", name), mean)
    return values


def fit_operators(values: Values, operators: NetworkSet, *, sweeps: int = 5) -> Values:
    """What kernels issue, attention and few blocks, to operators that were profiled."""
    for path, value in BEGIN.items():
        values = changed(values, path, value)

    def loss(tried: Values) -> float:
        return float(np.abs(operators.errors(Parameters.from_dict(tried))).mean())

    return search(values, OPERATORS, loss, sweeps=sweeps, bounds=bounds)[0]


def fit_tensor(
    values: Values, networks: NetworkSet, operators: NetworkSet, *, sweeps: int = 5
) -> Values:
    """Tensor cores and the other families, to whole steps and profiled operators."""

    def loss(tried: Values) -> float:
        parameters = Parameters.from_dict(tried)
        return sum(float(np.abs(one.errors(parameters)).mean()) for one in (networks, operators))

    return search(values, TENSOR, loss, sweeps=sweeps, bounds=bounds)[0]


def fit_steps(values: Values, steps: StepSet, *, sweeps: int = 5) -> Values:
    """The host's costs, and what only whole steps show, to steps of small and large batches."""

    def loss(tried: Values) -> float:
        return float(np.abs(steps.errors(Parameters.from_dict(tried))).mean())

    return search(values, HOST, loss, sweeps=sweeps, bounds=bounds)[0]


def read_values(path: Path = PARAMETERS) -> Values:
    """The parameters as they stand."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def kernel_set(measured: Path) -> KernelSet:
    """The sample of NeuSight's rows that is fitted to."""
    rows = read_kernels(measured / "kernels")
    chosen = [
        row for row in sample(rows, EACH)
        if row.operator != "linear"
        or row.work.product[3] <= _MOST_INNER.get(row.card, row.work.product[3])
    ]  # fmt: skip
    return KernelSet(chosen, launches(rows))


_COMMENTS = {
    "memory": """\
Share, of the bandwidth that streaming kernels reach on a card, that a family reaches.
elementwise, softmax, norm, matmul, batched-matmul, conv-forward: NeuSight's kernels.
attention(-backward), native-batch-norm(-backward), recurrent, pooling(-backward): assumed.
All others: timm's steps and the H100's profiled operators. depthwise-*: cuDNN's kernels.""",
    "block_bandwidth": """Bytes a second that a block moves at most: operators profiled on an H100.
norm, reduction (class losses), indexing (embeddings): read off single kernels.""",
    "instructions": """Lanes' issue slots, by what work/kinds.py says they are counted in:
operators profiled on an H100. depthwise-*: read off single kernels there. adaptive: likewise.
scores: 16 exponentials a clock of an SM's 128 lanes (CUDA C++ Programming Guide).""",
    "kernels": """overlap: NeuSight's. kernel_seconds: small kernels on an H100.
l2_bytes_per_clock: assumed.""",
    "cores": """Ordinary cores.
small_tiles, filling, picojoules (6: Pascal, 7: Volta and Turing, 8: Ampere): NeuSight's kernels;
9 (Hopper): the largest product on an H100, 51.7 TFLOP/s. 8.9 (Ada): an L4 keeps its base clock,
795 MHz, at its rated power (ASSUMED). idle_watts: cards with nothing to do at full clocks (a T4
and P4 some 25; a V100 33 to 45, github.com/sasha0552/nvidia-pstated/issues/6). ASSUMED.
largest_tile: cuBLAS's kernels by name.""",
    "cores.efficiency": """matmul, batched-matmul, conv-forward: NeuSight's kernels.
conv-data, conv-filter: taken as conv-forward's. attention(-backward): the H100's operators.
depthwise-*: timm's steps. recurrent: assumed.""",
    "tensor": """Tensor cores: timm's steps and the H100's operators.
picojoules: of large products as published: a V100 reaches some 100 TFLOP/s, an A100 265, a B200
1,600; 9 (Hopper): the largest product on an H100, 789 TFLOP/s in bfloat16.""",
    "tensor.efficiency": """attention(-backward): the H100's operators. recurrent: assumed.
All others: timm's steps and the H100's operators.""",
    "host": """Seconds of the host's thread. forward, backward: steps on an H100, of a rented
machine. step, kernel, tensor: assumed.""",
    "error": "Held-out rows (reports/step_time.md): the ninetieth percentile of the error.",
}


def write(values: Values, rows: int, steps: int) -> None:
    """`parameters.toml`, with where each parameter is from."""
    lines = [
        f"# Fitted by benchmarks/fit_time.py on {date.today()}, to {EACH} rows of each operator",
        "# and card of NeuSight's kernels (float32; P4, P100, V100, T4, A100) and to",
        f"# {rows} training steps of timm's models on an RTX 3090 (AMP float16), then to",
        f"# {steps} steps on an H100 (float32, bfloat16).",
        "# docs/time.md says what each is.",
    ]

    def table(name: str, content: dict[str, Any]) -> None:
        lines.append("")
        if name in _COMMENTS:
            lines.extend(f"# {line}" for line in _COMMENTS[name].splitlines())
        lines.append(f"[{name}]")
        for key, value in content.items():
            if not isinstance(value, dict):
                lines.append(f"{_key(key)} = {_number(value)}")
        for key, value in content.items():
            if isinstance(value, dict):
                table(f"{name}.{key}", value)

    for name, content in values.items():
        table(name, content)
    PARAMETERS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _key(name: str) -> str:
    return f'"{name}"' if name[0].isdigit() else name


def _number(value: float) -> str:
    return (
        str(value) if isinstance(value, int) else f"{value:.4g}" if value > 1e-3 else f"{value:.3e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measured", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--sweeps", type=int, default=6)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.record:
        for line in record_rows(options.measured, options.cache):
            print(line, flush=True)
        for line in record_steps(options.cache):
            print(line, flush=True)
    values = read_values()
    values = fit_cores(values, kernel_set(options.measured), sweeps=options.sweeps)
    efficiency = values["cores"]["efficiency"]
    efficiency["conv-data"] = efficiency["conv-filter"] = efficiency["conv-forward"]
    rows = [row for row in read_rows(options.cache) if row.for_fit]
    networks = NetworkSet(rows)
    every = [step for step in read_steps(options.cache) if step.for_fit]
    operators = NetworkSet(read_profiled(every), H100)
    values = fit_operators(values, operators, sweeps=options.sweeps)
    values = fit_tensor(values, networks, operators, sweeps=options.sweeps)
    errors = np.abs(np.expm1(networks.errors(Parameters.from_dict(values))))
    print(f"timm, fitted: median {np.median(errors):.3f}, p90 {np.quantile(errors, 0.9):.3f}")
    errors = np.abs(np.expm1(operators.errors(Parameters.from_dict(values))))
    print(f"H100's operators, fitted: median {np.median(errors):.3f}")
    steps = StepSet(every)
    values = fit_steps(values, steps, sweeps=options.sweeps)
    errors = np.abs(np.expm1(steps.errors(Parameters.from_dict(values))))
    print(f"H100, fitted: median {np.median(errors):.3f}, p90 {np.quantile(errors, 0.9):.3f}")
    if options.write:
        write(values, len(rows), len(steps.steps))


if __name__ == "__main__":
    main()
