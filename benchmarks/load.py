"""What a thousand profiles and two hundred predictions leave behind, and what many at once give.

    python benchmarks/load.py [--profiles 1000] [--predictions 200] [--workers 8]

Prints resident memory at five points and its slope by least squares over the last four fifths; how
many more threads, file descriptors, hooks, live modules and temporary files there are than
before; and whether 8 threads and 8 processes at once give what one after the other gives.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import nincost

MODELS = ("two-1x1", "one-1x1", "cifar10", "torchvision:resnet18")


@dataclass(frozen=True)
class Left:
    """What a process holds, beside its memory."""

    threads: int
    descriptors: int
    hooks: int
    modules: int
    files: int

    @classmethod
    def now(cls) -> Left:
        """Count them."""
        from torch.nn.modules import module as registry

        gc.collect()
        tables = [value for name, value in vars(registry).items() if name.startswith("_global_")]
        return cls(
            threads=len(os.listdir("/proc/self/task")),
            descriptors=len(os.listdir("/proc/self/fd")),
            hooks=sum(len(table) for table in tables if isinstance(table, dict)),
            modules=sum(issubclass(type(thing), nn.Module) for thing in gc.get_objects()),
            files=len(os.listdir(tempfile.gettempdir())),
        )

    def more_than(self, before: Left) -> dict[str, int]:
        """What there is more of."""
        return {
            name: max(0, getattr(self, name) - getattr(before, name))
            for name in before.__annotations__
        }


def resident() -> int:
    """Bytes of memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def slope(values: list[int]) -> float:
    """Bytes for each step, by least squares."""
    count = len(values)
    middle = (count - 1) / 2
    over = sum((i - middle) * value for i, value in enumerate(values))
    return over / sum((i - middle) ** 2 for i in range(count))


@dataclass(frozen=True)
class Growth:
    """How memory went, and what was left."""

    samples: list[int]
    left: dict[str, int]
    seconds: float

    @property
    def slope(self) -> float:
        """Bytes for each run, once everything has been loaded."""
        return slope(self.samples[len(self.samples) // 5 :])


def repeat(run: Callable[[int], Any], times: int, warm: int) -> Growth:
    """Run it `warm` times, then `times` times, looking at memory after each."""
    with own_temporary_folder():
        for number in range(warm):
            run(number)
        before = Left.now()
        samples, started = [], time.perf_counter()
        for number in range(times):
            run(number)
            samples.append(resident())
        seconds = time.perf_counter() - started
        return Growth(samples, Left.now().more_than(before), seconds)


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Temporary files go where no other process writes to, so that they can be counted."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def profile_of(number: int) -> dict[str, Any]:
    """A profile; every tenth fails, as in a service that users send models to."""
    if number % 10 == 9:
        try:
            nincost.profile("two-1x1", input="3x224x224")
        except nincost.InputError:
            return {}
    return nincost.profile(MODELS[number % 4], batch_size=1 + number % 3).to_dict()


def prediction_of(number: int) -> dict[str, Any]:
    """A predicted training step."""
    model = ("two-1x1", "one-1x1", "cifar10")[number % 3]
    options = ({}, {"optimizer": "Adam"}, {"amp": "bfloat16"}, {"inference": True})[number % 4]
    return nincost.memory(model, batch_size=2 + number % 2, **options).to_dict()


def both(number: int) -> dict[str, Any]:
    """A profile, a prediction, a check and an explanation of one model."""
    return {
        "profile": profile_of(number),
        "memory": prediction_of(number),
        "check": nincost.check(MODELS[number % 3], other_tools=False).to_dict(),
        "explain": nincost.explain(MODELS[number % 3]).to_dict(),
    }


def _in_process(number: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    return both(number)


def at_once(workers: int, jobs: int) -> dict[str, bool]:
    """Whether threads and processes give what one alone gives."""
    expected = [both(number) for number in range(jobs)]
    with ThreadPoolExecutor(workers) as pool:
        threads = list(pool.map(both, range(jobs)))
    with multiprocessing.get_context("spawn").Pool(workers) as processes:
        apart = processes.map(_in_process, range(jobs))
    # What is loaded shows in the environment, and a spawned process has loaded less.
    return {"threads": threads == expected, "processes": _plain(apart) == _plain(expected)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "environment"}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def main() -> int:
    """Print the figures; exit status 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=1000)
    parser.add_argument("--predictions", type=int, default=200)
    parser.add_argument("--workers", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    for name, run, times in (
        ("profiles", profile_of, given.profiles),
        ("predictions", prediction_of, given.predictions),
    ):
        growth = repeat(run, times, warm=20)
        points = [growth.samples[i * (times - 1) // 4] / 2**20 for i in range(5)]
        print(
            f"{times} {name} in {growth.seconds:.1f} s: "
            f"{' -> '.join(f'{point:.1f}' for point in points)} MiB resident, "
            f"{growth.slope:+.0f} bytes each; left: "
            + ", ".join(f"{count:+d} {what}" for what, count in growth.left.items())
        )
    same = at_once(given.workers, 2 * given.workers)
    print(f"threads alive afterwards: {threading.active_count()}")
    for what, equal in same.items():
        print(f"{given.workers} {what} at once: {'the same' if equal else 'NOT the same'}")
    return 0 if all(same.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
