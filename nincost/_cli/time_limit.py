"""Ends a command that takes longer than it may, or that does not end when it is done."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

from nincost.errors import InputError, ModelError, TimeUp, place_of, printable

#: Seconds after which a model that swallows the interruption is ended with the process.
_GRACE = 2.0

#: Seconds that a process has to end by itself after its command is done.
_EXIT_GRACE = 3.0


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """End what runs inside after `seconds`, naming the layer that ran; None: no limit.

    An alarm signal raises `TimeUp` in the main thread, again and again in case that the model
    catches it. A model that catches all of them is ended, and the process with it, by a thread.
    Code that holds Python's lock within one call of a C function is stopped when that returns.
    """
    if seconds is None:
        yield
        return
    if not 0 < seconds < threading.TIMEOUT_MAX / 2:
        raise InputError(f"timeout is {seconds:g}: expected seconds above 0, such as 60")
    over = threading.Event()
    watch = threading.Thread(target=_end_hard, args=(seconds, over), daemon=True)
    watch.start()
    try:
        with _alarm(seconds):
            yield
    except TimeUp as stop:
        raise ModelError(_words(seconds, (stop.where or "the command") + place_of(stop))) from None
    finally:
        over.set()


def _words(seconds: float, where: str) -> str:
    return (
        f"not done after {seconds:g} s: {where} was running; give more time with --timeout, or "
        "check that the model terminates"
    )


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not hasattr(signal, "setitimer"):
        yield  # not the command line, or Windows: `_end_hard` alone keeps the limit
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _end_hard(seconds: float, over: threading.Event) -> None:
    """The last resort; nothing is being written while a limit runs, so nothing is left half."""
    if over.wait(seconds + _GRACE):
        return
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    where = "the command"
    if frame is not None:
        name = printable(os.path.basename(frame.f_code.co_filename))
        where = f"{printable(frame.f_code.co_qualname)} ({name}, line {frame.f_lineno})"
    line = f"nincost: error: {_words(seconds, where)}\n"
    os.write(2, line.encode(errors="backslashreplace"))
    os._exit(ModelError.exit_status)


def end_soon(status: int) -> None:
    """End the process with `status` some seconds from now, if it does not end by itself.

    A model may have left a thread for which Python waits, or something that runs at exit and never
    returns. The result has been written by then.
    """
    threading.Thread(target=_end_after_grace, args=(status,), daemon=True).start()


def _end_after_grace(status: int) -> None:
    time.sleep(_EXIT_GRACE)
    left = [
        printable(thread.name)
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    what = f"a thread of the model's ({', '.join(left)})" if left else "what the model runs at exit"
    with contextlib.suppress(OSError):
        os.write(2, f"nincost: {what} did not end: ended with the process\n".encode())
    os._exit(status)
