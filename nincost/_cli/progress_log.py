"""What a command is doing, said once a minute in a log. It imports nothing large."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from nincost._progress import showing

#: Seconds between lines of a log.
_EVERY = 60.0


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
            far = how_far(self._began, done, total)
            said = ", ".join(part for part in (what, far) if part) or "still at work"
            taken = _minutes(time.monotonic() - self._began)
            with contextlib.suppress(OSError, ValueError):  # nobody reads it
                print(f"nincost {self._command}: {said} ({taken})", file=sys.stderr, flush=True)


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


def how_far(began: float, done: int, total: int) -> str:
    """`3 of 7, about 0:12 left`; empty where nobody knows how many there are."""
    if not total:
        return ""
    left = (time.monotonic() - began) * (total - done) / done if done else 0
    return f"{done} of {total}" + (f", about {_minutes(left)} left" if done else "")
