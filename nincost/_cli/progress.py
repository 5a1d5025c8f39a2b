"""What a command is doing, how far it has come and how long it will take: a line on a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nincost._cli.progress_log import how_far
from nincost._progress import showing

#: Seconds that a command may take before anybody wants to know.
_AFTER = 2.0


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
            far = how_far(self._began, done, total)
            self._task = self._progress.add_task(what, completed=done, total=total or None, far=far)
            self._progress.start()

    def show(self, what: str, done: int, total: int) -> None:
        with self._lock:
            self._said = (what, done, total)
            if self._progress is not None:
                self._progress.update(
                    self._task, description=what, completed=done, total=total or None,
                    far=how_far(self._began, done, total),
                )  # fmt: skip

    def stop(self) -> None:
        with self._lock:
            self._ended = True
            if self._progress is not None:
                self._progress.stop()
