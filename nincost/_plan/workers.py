"""Predicts a sweep's cells in processes of this machine, one of which may die at any time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any

from nincost._plan.cells import Answer, Cell, predict_cell, versions
from nincost.errors import InputError, ModelError

#: Processes that may die with a cell before that is its reason: the first time another process may
#: have had the memory, so it is tried again alone.
_TRIES = 2


def on_processes(cells: Sequence[Cell], workers: int) -> Iterator[tuple[Cell, Answer]]:
    """Predict cells, each in one of so many processes, in the order in which they end.

    Where a process dies (by the out-of-memory killer, in a library), its executor is lost with all
    that ran: those cells are tried again one at a time, and one that ends its process twice has
    failed.

    Raises:
        ModelError: no process can be started.
    """
    before = set(multiprocessing.active_children())
    pool: ProcessPoolExecutor | None = None
    waiting, alone = deque(cells), deque[Cell]()
    running: dict[Future[dict[str, Any]], Cell] = {}
    deaths: Counter[str] = Counter()
    try:
        while waiting or alone or running:
            pool = pool or _start(workers)
            while waiting and not alone and len(running) < workers:
                _submit(pool, waiting.popleft(), running)
            if alone and not running:
                _submit(pool, alone.popleft(), running)
            wait(running, return_when=FIRST_COMPLETED)
            ended = [future for future in running if future.done()]
            if any(isinstance(future.exception(), BrokenProcessPool) for future in ended):
                wait(running)  # all of them fail, but for those that were done before
                ended = list(running)
            lost = []
            for future in ended:
                cell = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    lost.append(cell)
                else:
                    yield cell, Answer(**future.result())
            if lost:
                pool.shutdown(wait=False, cancel_futures=True)
                pool = None
            for cell in lost:
                deaths[cell.key] += 1
                if deaths[cell.key] < _TRIES:
                    alone.append(cell)
                else:
                    yield cell, Answer("the process that predicted it was ended, twice: by a lack "
                                       "of memory (the system's log says so), or by a fault in a "
                                       "library", {})  # fmt: skip
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.kill()


def _submit(
    pool: ProcessPoolExecutor, cell: Cell, running: dict[Future[dict[str, Any]], Cell]
) -> None:
    future = pool.submit(predict_cell, cell.command, cell.model, cell.gpu, dict(cell.given))
    running[future] = cell


def _start(workers: int) -> ProcessPoolExecutor:
    """An executor whose processes begin afresh: torch's threads do not survive a fork."""
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_prepare)
    try:
        pool.submit(versions).result()
    except BrokenProcessPool as error:
        raise ModelError(
            "a process of the sweep could not be started: its last lines above may say why"
        ) from error
    return pool


def refuse_while_starting() -> None:
    """Refuse a sweep in a process that another one's is starting.

    Such a process imports the script that called `sweep`, and would call it again.

    Raises:
        InputError: it is one.
    """
    starting = sys.modules.get("__mp_main__")
    if starting is not None and starting is not sys.modules.get("__main__"):  # until it has begun
        raise InputError(
            "nincost.sweep starts processes, which import the script that called it: put the call "
            'under if __name__ == "__main__":'
        )


def _prepare() -> None:
    """Begin a process: it leaves Ctrl-C and stdout to the sweep, and ends when that does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    os.dup2(2, 1)  # what a model prints is no result
    threading.Thread(target=_end_with_parent, name="nincost-sweep", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
