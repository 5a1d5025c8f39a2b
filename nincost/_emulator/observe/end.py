"""How a script ends, or is ended, and that what was observed is written whichever way that is.

A script is ended by an exception that is no `Exception`, so that its own handlers let it pass while
its `finally` blocks run. What was observed is written before that is raised: a script that swallows
it, or hangs while it cleans up, is ended with its process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any, NoReturn

from nincost._emulator.observe.observer import Observer
from nincost._emulator.observe.user_code import UserCode

#: Seconds that a script has to clean up once it has been ended.
GRACE = 10.0
#: Seconds from Ctrl-C on until a script that goes on is ended.
INTERRUPT_GRACE = 2.0


class ScriptEnded(BaseException):
    """The script has done the steps that were asked for."""


def end_script(observer: Observer, how: str) -> None:
    """Write what was observed and end the script; the second time, its process.

    Where a step's time is wanted, the script goes on for one step first.
    """
    if observer.goes_on(how):
        return
    if not observer.write(how) or observer.is_spawned:
        leave_process(0)
    killer = threading.Timer(GRACE, leave_process, (0,))
    killer.daemon = True
    killer.start()
    raise ScriptEnded


_exit = os._exit


def leave_process(status: int) -> NoReturn:
    """End the process now, whatever threads and handlers it has."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    _exit(status)


def described(error: BaseException, user_code: UserCode) -> dict[str, Any]:
    """An exception as plain values: its types and texts, outermost first, and the user's line."""
    chain: list[tuple[str, str]] = []
    inner: BaseException | None = error
    while inner is not None and len(chain) < 8:
        kind = type(inner)
        chain.append((f"{kind.__module__}.{kind.__qualname__}", _text(inner)))
        inner = inner.__cause__ or inner.__context__
    line = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if user_code.owner(code.co_filename) == "user":
            line = (code.co_filename, number, code.co_name)
    return {"chain": chain, "line": line}


def _text(error: BaseException) -> str:
    try:
        return str(error)[:4000]
    except Exception:
        return ""


def print_traceback(error: BaseException) -> None:
    """As Python does, without the frames of nincost and runpy."""
    own = os.path.dirname(os.path.abspath(__file__))
    steps: list[TracebackType] = []
    step = error.__traceback__
    while step is not None:
        if not step.tb_frame.f_code.co_filename.startswith((own, "<frozen runpy>")):
            steps.append(step)
        step = step.tb_next
    kept: TracebackType | None = None
    for step in reversed(steps):
        kept = TracebackType(kept, step.tb_frame, step.tb_lasti, step.tb_lineno)
    with contextlib.suppress(Exception):
        traceback.print_exception(type(error), error.with_traceback(kept), kept)


def write_before_exit(observer: Observer) -> None:
    """`os._exit` runs no handler: write first."""

    def exit_now(status: int) -> NoReturn:
        observer.write("exit", status=status)
        _exit(status)

    os._exit = exit_now  # type: ignore[assignment]


class Watch(threading.Thread):
    """Says where the script is, and ends it when its time is up, whatever it is doing."""

    def __init__(self, observer: Observer, seconds: float = 0.25) -> None:
        super().__init__(name="nincost-watch", daemon=True)
        self.observer = observer
        self.seconds = seconds
        self._over = threading.Event()
        self._ends_at = {"timeout": observer.orders.timeout or float("inf")}

    def stop(self) -> None:
        self._over.set()

    def run(self) -> None:
        while not self._over.is_set():
            self._listen()
            self._say()
            passed = time.monotonic() - self.observer.began
            for how, limit in self._ends_at.items():
                if passed >= limit:
                    if self.observer.write(how, line=self._line()):
                        leave_process(0)
                    return

    def _listen(self) -> None:
        """Wait a little for a word from the process that started this one."""
        control = self.observer.orders.control
        if control is None:
            self._over.wait(self.seconds)
        elif select.select([control], [], [], self.seconds)[0]:
            if not os.read(control, 1):
                leave_process(0)
            # The script gets a signal, too, and some time to make of it what it will.
            passed = time.monotonic() - self.observer.began
            self._ends_at.setdefault("interrupt", passed + INTERRUPT_GRACE)

    def _line(self) -> tuple[str, int, str] | None:
        """The user's line that the main thread is at."""
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        return self.observer.user_code.innermost(frame)

    def _say(self) -> None:
        descriptor = self.observer.orders.progress
        if not isinstance(descriptor, int) or not self.observer.writes:
            return
        seen = self.observer.seen
        line = {"phase": seen.phase, "step": seen.steps, "call": seen.calls, "bytes": allocated()}
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
        except OSError:  # nobody reads it any more
            self._over.set()


def allocated() -> int:
    """Bytes that torch has allocated on the device; 0 before it has begun to."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    try:
        return int(cuda.memory_allocated()) if cuda is not None and cuda.is_initialized() else 0
    except Exception:  # torch is being imported, or taken down
        return 0
