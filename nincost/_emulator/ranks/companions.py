"""Ranks that run beside another one, as it needs what they send.

A stage of a pipeline learns shapes from the stages around it, and they from it in turn. So a rank
that lacks what another one sends waits, and whoever runs it starts that other rank, unobserved.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from nincost._emulator.ranks.journal import Journal

_SECONDS = 0.1


class Process(Protocol):
    """What `subprocess.Popen` has, and a fork of a warm process."""

    def poll(self) -> int | None: ...

    def terminate(self) -> None: ...

    def wait(self) -> int: ...


class Companions:
    """Within it, ranks that are waited for are started by `start`; they end with it.

    Args:
        journal: of the rank that runs.
        start: starts the process of a rank with the same journal.
    """

    def __init__(self, journal: Journal, start: Callable[[int], Process]) -> None:
        self.journal = journal
        self.start = start
        self.processes: dict[int, Process] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="nincost-companions", daemon=True)

    def __enter__(self) -> Companions:
        self.journal.accompany(on=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.journal.accompany(on=False)
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self.processes.values():
            process.wait()

    def _follow(self) -> None:
        while not self._over.wait(_SECONDS):
            for rank in self.journal.waited_for():
                if rank != self.journal.rank and rank not in self.processes:
                    self.processes[rank] = self.start(rank)
            for rank, process in self.processes.items():
                if process.poll() is not None:
                    self.journal.end(rank)
