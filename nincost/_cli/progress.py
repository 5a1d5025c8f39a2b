"""What a command is doing, how far it has come and how long it will take.

On a terminal it is a line that goes again; in a log a long command says it once a minute.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nincost._progress import showing

#: Seconds that a command may take before anybody wants to know.
_AFTER = 2.0
#: Seconds between lines of a log.
_EVERY = 60.0


@contextlib.contextmanager
def progress_shown(command: str, *, color: bool) -> Iterator[None]:
    """Show on stderr what is done inside, once it takes longer than two seconds.

    The caller sees to it that stderr is a terminal. Nothing of it is left at the end.
    """
    line = _Line(command, color)
    later = threading.Timer(_AFTER, line.start)
    later.daemon = True
    later.start()
    try:
        with showing(line.show):
            yield
    finally:
        later.cancel()
        line.stop()


@contextlib.contextmanager
def progress_logged(command: str) -> Iterator[None]:
    """Write to stderr once a minute what is done inside: for a log, or a terminal that scrolls."""
    log = _Log(command)
    thread = threading.Thread(target=log.run, name="nincost-progress", daemon=True)
    thread.start()
    try:
        with showing(log.show):
            yield
    finally:
        log.ended.set()
        thread.join()


class _Log:
    """What was said last, written again and again."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._said = ("", 0, 0)
        self._began = time.monotonic()
        self.ended = threading.Event()

    def show(self, what: str, done: int, total: int) -> None:
        self._said = (what, done, total)

    def run(self) -> None:
        while not self.ended.wait(_EVERY):
            what, done, total = self._said
            far = _far(self._began, done, total)
            said = ", ".join(part for part in (what, far) if part) or "still at work"
            taken = _minutes(time.monotonic() - self._began)
            with contextlib.suppress(OSError, ValueError):  # nobody reads it
                print(f"nincost {self._command}: {said} ({taken})", file=sys.stderr, flush=True)


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


def _far(began: float, done: int, total: int) -> str:
    """`3 of 7, about 0:12 left`; empty where nobody knows how many there are."""
    if not total:
        return ""
    left = (time.monotonic() - began) * (total - done) / done if done else 0
    return f"{done} of {total}" + (f", about {_minutes(left)} left" if done else "")


class _Line:
    """The line, from when it begins; what is said before is remembered."""

    def __init__(self, command: str, color: bool) -> None:
        self._said = (command, 0, 0)
        self._color = color
        self._began = time.monotonic()
        self._lock = threading.Lock()  # the timer's thread may begin while the command ends
        self._ended = False
        self._progress: Progress | None = None

    def start(self) -> None:
        with self._lock:
            if self._ended:
                return
            console = Console(
                file=sys.stderr, force_terminal=True, no_color=not self._color, highlight=False
            )
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TimeElapsedColumn(),
                TextColumn("{task.fields[far]}", markup=False),
                console=console, transient=True, redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            what, done, total = self._said
            far = _far(self._began, done, total)
            self._task = self._progress.add_task(what, completed=done, total=total or None, far=far)
            self._progress.start()

    def show(self, what: str, done: int, total: int) -> None:
        with self._lock:
            self._said = (what, done, total)
            if self._progress is not None:
                self._progress.update(
                    self._task, description=what, completed=done, total=total or None,
                    far=_far(self._began, done, total),
                )  # fmt: skip

    def stop(self) -> None:
        with self._lock:
            self._ended = True
            if self._progress is not None:
                self._progress.stop()
