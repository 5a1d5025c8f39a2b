"""NeuSight's measured kernels (ASPLOS 2025, MIT license) as the works that nincost times.

Each row is one operator in float32, the mean of the five fastest of 25 runs, each between two
events on an idle card. So a row is the host's time to launch it, which `launches` estimates from
the smallest rows of an operator and card, and then the kernel's.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nincost._time.work.kinds import Family, Work

#: Element-wise operators by the file's name, and tensors that they read.
_ELEMENTWISE = {
    "add": 2, "div": 2, "mul": 2, "pow": 2,
    "addu": 1, "divu": 1, "mulu": 1, "powu": 1, "gelu": 1, "relu": 1, "tanh": 1,
}  # fmt: skip
OPERATORS = (*_ELEMENTWISE, "softmax", "ln", "linear", "bmm", "conv")


@dataclass(frozen=True, slots=True)
class KernelRow:
    """A measured operator: its card by NeuSight's name, seconds, and works."""

    operator: str
    card: str
    seconds: float
    work: Work


def read_kernels(folder: Path, operators: Iterable[str] = OPERATORS) -> list[KernelRow]:
    """All rows of `folder/OPERATOR.csv.gz`."""
    found = []
    for operator in operators:
        with gzip.open(folder / f"{operator}.csv.gz", "rt", newline="") as file:
            for row in csv.DictReader(file):
                work = _work(operator, row)
                found.append(KernelRow(operator, row["Device"], float(row["Latency"]) / 1e3, work))
    return found


def sample(rows: Iterable[KernelRow], each: int, seed: int = 0) -> list[KernelRow]:
    """At most `each` rows of an operator and card, the same ones each time."""
    groups: dict[tuple[str, str], list[KernelRow]] = {}
    for row in rows:
        groups.setdefault((row.operator, row.card), []).append(row)
    draw = random.Random(seed)
    return [row for group in groups.values() for row in draw.sample(group, min(each, len(group)))]


def launches(rows: Iterable[KernelRow]) -> dict[tuple[str, str], float]:
    """By operator and card, what a row takes beside its kernel: their first percentile."""
    groups: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        groups.setdefault((row.operator, row.card), []).append(row.seconds)
    return {key: sorted(values)[len(values) // 100] for key, values in groups.items()}


def _work(operator: str, row: dict[str, str]) -> Work:
    if operator == "conv":
        return _convolution(row)
    if operator in ("linear", "bmm"):
        # NeuSight multiplies [B, M, N] by [N, K]: its N is what is summed over.
        batch, m, k, n = (round(float(row[name])) for name in ("B", "M", "N", "K"))
        family: Family = "batched-matmul" if operator == "bmm" else "matmul"
        moved = 4 * batch * (m * k + k * n + m * n)
        return Work(family, "float32", 2 * batch * m * n * k, moved, (batch, m, n, k))
    elements = round(float(row["B"])) * round(float(row["H"]))
    if operator == "softmax":
        return Work("softmax", "float32", 0, 8 * elements)
    if operator == "ln":
        return Work("norm", "float32", 0, 8 * elements)
    return Work("elementwise", "float32", 0, 4 * elements * (_ELEMENTWISE[operator] + 1))


def _convolution(row: dict[str, str]) -> Work:
    """The kernel is 3 x 3, stride 1, padding 1 throughout, TF32 off by the kernels' names."""
    names = (
        "B",
        "Input_Channel",
        "Output_Channel",
        "Kernel_Szie",
        "Input_Size",
        "Stride",
        "Padding",
    )
    batch, given, made, kernel, size, stride, padding = (int(row[name]) for name in names)
    side = (size + 2 * padding - kernel) // stride + 1
    m, k = batch * side * side, given * kernel * kernel
    moved = 4 * (batch * given * size * size + made * k + batch * made * side * side)
    return Work("conv-forward", "float32", 2 * m * made * k, moved, (1, m, made, k), winograd=side)
