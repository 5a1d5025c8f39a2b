"""Runs the ranks of one script: those that were asked for, or one of each kind."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nincost._devices.cards import Gpu
from nincost._emulator.launch import UNLIMITED, environment
from nincost._emulator.observe.observer import Orders
from nincost._emulator.process_tree import tree_command
from nincost._emulator.ranks.companions import Companions, Process
from nincost._emulator.ranks.journal import Journal
from nincost._emulator.ranks.kinds import Kinds, find_kinds, grid
from nincost._emulator.run_options import Script
from nincost._emulator.supervise import Finished, Progress, run_script


class _InterruptedError(Exception):
    """Ctrl-C: no more ranks are run."""


def _start_afresh(
    python: str, command: Sequence[str], variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        tree_command(python, [python, *command]),
        env=dict(variables),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        process_group=0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RankRunner:
    """Runs ranks one after the other; those that one waits for run beside it, unobserved."""

    what: Script
    orders: Orders
    card: Gpu
    settings: Mapping[str, Any]
    journal: Path
    python: str
    progress: Callable[[Progress], None] | None
    #: What runs a rank, and what starts one that is not observed: a warm process has its own.
    start: Callable[..., Finished] = run_script
    accompany: Callable[[str, Sequence[str], Mapping[str, str]], Process] = _start_afresh

    def run_each(self, numbers: Sequence[int]) -> Iterator[tuple[int, Finished]]:
        """The ranks with these numbers, up to one that is interrupted."""
        for number in numbers:
            finished = self._run(number)
            yield number, finished
            if finished.interrupted:
                return

    def run_kinds(
        self,
        collect: Callable[[int, Finished], Hashable],
        quickly: Callable[[Sequence[int]], Sequence[Hashable]] | None = None,
    ) -> Kinds | None:
        """One rank of each kind, and those that it takes to find them; None after Ctrl-C.

        Args:
            collect: called with each rank that has been run; what it returns is equal for ranks
                that allocate alike.
            quickly: runs all but rank 0 where no ranks send to each other, and returns the same.
        """

        finished = self._run(0)
        first = collect(0, finished)
        if finished.interrupted or finished.recording is None:
            return None
        seen = finished.recording["observed"]
        world_size = max(self.settings["ranks"], seen["world_size"])
        runner = replace(self, settings={**self.settings, "ranks": world_size})
        dimensions = grid(world_size, seen["groups"], seen["peers"], seen["shards"])

        def run_observed(number: int) -> Hashable:
            finished = runner._run(number)
            key = collect(number, finished)
            if finished.interrupted:
                raise _InterruptedError
            return key

        def run(numbers: Sequence[int]) -> list[Hashable]:
            others = [number for number in numbers if number]
            if quickly is None or any(dimension.sends for dimension in dimensions):
                keys = [run_observed(number) for number in others]
            else:
                keys = list(quickly(others))
            found = dict(zip(others, keys, strict=True)) | {0: first}
            return [found[number] for number in numbers]

        with contextlib.suppress(_InterruptedError):
            return find_kinds(world_size, dimensions, run)
        return None

    def _run(self, number: int) -> Finished:
        variables = self._variables(number, self.settings["capacity_bytes"])
        with Companions(Journal(self.journal, number), self._accompany):
            return self.start(
                self.what.command, self.orders, variables,
                python=self.python, progress=self.progress, rank=number,
            )  # fmt: skip

    def _accompany(self, number: int) -> Process:
        """Start a rank that sends what another one waits for; its own memory has no end."""
        return self.accompany(self.python, self.what.command, self._variables(number, UNLIMITED))

    def _variables(self, number: int, capacity: int | None) -> dict[str, str]:
        settings = self.settings
        return environment(
            self.card, capacity=capacity, rank=number,
            world_size=settings["ranks"] if settings["ranks"] > 1 else None,
            ranks_per_node=settings["ranks_per_node"], journal=self.journal,
            assume=settings["assume"], routing=settings["routing"],
            initialize=settings["initialize"], python=self.python,
        )  # fmt: skip
