"""Ctrl-C and SIGTERM as a wish that is granted between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Stop:
    """Whether somebody asked for the training to end."""

    asked: bool = False


@contextlib.contextmanager
def listening() -> Iterator[Stop]:
    """Take SIGINT and SIGTERM as a wish to stop; a second one interrupts at once.

    Signals come to the main thread alone, so that in another one nothing is changed.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def heard(_number: int, _frame: Any) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if (handler := signal.getsignal(number)) is not None
    }
    try:
        for number in before:
            signal.signal(number, heard)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
