"""Ctrl-C, SIGTERM and SIGHUP as a request to stop, which a training grants between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nincost._signals import STOPPING


@dataclass(slots=True)
class StopRequest:
    """Whether the training should stop after the current step."""

    requested: bool = False


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Stop after the current step on SIGINT, SIGTERM or SIGHUP; a second one interrupts at once.

    Python runs signal handlers in the main thread alone, so in another thread nothing is changed.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(_number: int, _frame: Any) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True

    before = {
        number: handler
        for number in STOPPING
        if (handler := signal.getsignal(number)) not in (None, signal.SIG_IGN)
    }
    try:
        for number in before:
            signal.signal(number, request)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
