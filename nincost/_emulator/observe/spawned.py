"""A rank that a script starts by itself: the process that is the wanted rank is the one observed.

Whatever starts the ranks (torch.multiprocessing, torchrun inside, accelerate, Lightning), each is a
Python process that calls `init_process_group`. `ranks/world.py` lets all but the wanted one leave
there. That one takes over from the script's own process, which then writes nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from multiprocessing.process import BaseProcess
from types import FrameType, TracebackType
from typing import Any

from nincost._emulator.observe import hooks
from nincost._emulator.observe.end import (
    INTERRUPT_GRACE,
    Watch,
    described,
    leave_process,
    print_traceback,
    write_before_exit,
)
from nincost._emulator.observe.observer import Observer, Orders
from nincost._emulator.observe.user_code import UserCode

#: The orders for the processes that a script starts.
ORDERS = "NINCOST_EMULATED_ORDERS"

#: The observer of this process, where there is one.
_observers: list[Observer] = []


def pass_on(observer: Observer) -> None:
    """Have a process that this one starts be observed where it turns out to be the rank."""
    _observers.append(observer)
    progress = f"/proc/{os.getpid()}/fd/{observer.orders.progress}"
    orders = asdict(observer.orders) | {"progress": progress, "control": None}
    os.environ[ORDERS] = json.dumps(orders)
    _watch_targets()


def be_ready() -> None:
    """In a process that a script started: observe, and write it only if this is the rank."""
    orders = Orders(**json.loads(os.environ[ORDERS]))
    observer = Observer(orders, UserCode(), is_spawned=True)
    _observers.append(observer)
    hooks.install(observer)
    _watch_targets()


def take_over() -> None:
    """This process is the rank: from now on it is the one that writes."""
    observer = _observers[0] if _observers else None
    if observer is None or not observer.claim() or not observer.is_spawned:
        return
    progress = observer.orders.progress
    if isinstance(progress, str):
        try:
            descriptor = os.open(progress, os.O_WRONLY | os.O_CLOEXEC)
        except OSError:  # who started it is gone
            leave_process(0)
        observer.orders = replace(observer.orders, progress=descriptor, control=None)
    write_before_exit(observer)
    atexit.register(observer.write, "exit", status=0)

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        observer.write("interrupt")
        leave_process(130)

    def raised(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        observer.write("exception", **described(error, observer.user_code))
        print_traceback(error)

    signal.signal(signal.SIGINT, interrupted)
    sys.excepthook = raised
    Watch(observer).start()


def wait_for_rank(observer: Observer) -> None:
    """After Ctrl-C, have the process that is the rank write what it has observed."""
    claimant = observer.claimant()
    with contextlib.suppress(OSError):
        if claimant is not None and claimant != os.getpid():
            os.kill(claimant, signal.SIGINT)
    ends = time.monotonic() + INTERRUPT_GRACE
    while not os.path.exists(observer.orders.output) and time.monotonic() < ends:
        time.sleep(0.1)


def _watch_targets() -> None:
    """What a process of multiprocessing runs does not raise to `sys.excepthook`."""
    original = BaseProcess.run

    def run(self: Any) -> None:
        target = self._target
        if getattr(target, "__module__", "") == "torch.multiprocessing.spawn":  # which catches all
            self._args = (_observed(self._args[0]), *self._args[1:])
        elif target is not None:
            self._target = _observed(target)
        original(self)

    BaseProcess.run = run  # type: ignore[method-assign]


def _observed(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            for observer in _observers:
                if observer.is_spawned:
                    observer.write("exception", **described(error, observer.user_code))
            raise

    return call
