"""Steps as nincost predicts them, and as PyTorch's own CUDA code takes them with no GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nincost._devices.cards import get_gpu
from nincost._emulator.verification.changes import predicted, unlike
from nincost._emulator.verification.emulated_step import run_emulated_step
from nincost._isolation import collection_paused
from nincost._memory.predict import predict
from nincost._step.request import make_request
from nincost._validate.suite import Case
from nincost.errors import NincostError
from no_gpu.emulated_runtime import HERE, variables


@dataclass(frozen=True, slots=True)
class Compared:
    """A case: bytes predicted and taken, where single allocations differ, or why there are none."""

    case: Case
    gpu: str
    allocated: tuple[int, int] = (0, 0)
    reserved: tuple[int, int] = (0, 0)
    events: Sequence[str] = ()
    problem: str = ""

    @property
    def alike(self) -> bool:
        """Whether both peaks agree to the byte, and each allocation where they were compared."""
        same = self.allocated[0] == self.allocated[1] and self.reserved[0] == self.reserved[1]
        return same and not self.events and not self.problem

    def __str__(self) -> str:
        if self.problem:
            return f"{self.case.name}: {self.problem}"
        told = []
        for name in ("allocated", "reserved"):
            mine, real = getattr(self, name)
            if mine == real:
                told.append(f"{name} {real:,}")
            else:
                told.append(
                    f"{name} {mine:,} for {real:,} ({mine - real:+,}, {mine / real - 1:+.2%})"
                )
        return f"{self.case.name}: {', '.join(told)}"


def compare(case: Case, gpu: str, *, events: bool = False) -> Compared:
    """Predict a case and run it; with `events` also say where the allocations differ."""
    try:
        with collection_paused():
            request = make_request(case.model, gpu, case.batch_size, **case.options)
            simulation = predict(request).simulation
    except NincostError as error:
        return Compared(case, gpu, problem=f"not predicted: {error}")
    try:
        real = run_emulated_step(request, simulation.steps, changes=events)
    except NincostError as error:
        return Compared(case, gpu, problem=str(error))
    if real.out_of_memory:
        return Compared(case, gpu, problem=real.out_of_memory)
    differences: list[str] = []
    if events:
        mine = predicted(simulation.events, simulation.layers)
        differences = unlike(mine, real.changes)
    return Compared(
        case, gpu, (simulation.peak, real.allocated), (simulation.reserved, real.reserved),
        differences,
    )  # fmt: skip


def compare_networks(first: int, count: int, gpu: str) -> Iterator[dict[str, Any]]:
    """Random networks in one process: `case`, `compared`, `differences` and `program` of each."""
    return _lines_of("networks.py", str(first), str(count), gpu=gpu)


def compare_deterministic(gpu: str) -> Iterator[dict[str, Any]]:
    """Operators with deterministic algorithms: `name`, `differences`, `refused` and `raised`."""
    return _lines_of("deterministic.py", gpu=gpu)


def _lines_of(program: str, *arguments: str, gpu: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, str(HERE / program), *arguments, gpu]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=variables(get_gpu(gpu))
    ) as child:
        for line in child.stdout or ():
            if line.startswith("{"):
                yield json.loads(line)
    if child.returncode:
        raise RuntimeError(f"{program} ended with exit status {child.returncode}")
