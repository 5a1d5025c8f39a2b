"""What the emulated GPU has to assume where a card would decide, counted and with the user's line.

`assumed()` lists them; the process that observes a script reads it when the script ends.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from types import FrameType

_STANDARD = os.path.dirname(os.__file__)
_LIBRARIES = tuple(f"{os.sep}{name}{os.sep}" for name in ("torch", "triton", "nincost"))


def _is_library(file: str) -> bool:
    """Whether a file is torch's, triton's, nincost's or Python's own."""
    if file.startswith(_STANDARD) and "site-packages" not in file:
        return True
    return file.startswith("<frozen") or any(part in file for part in _LIBRARIES)


@dataclass(frozen=True, slots=True)
class Assumption:
    """One kind of assumption at one place.

    Attributes:
        kind: `size` (how much an operator found), `value` (a number read back from the card),
            `choice` (which kernel autotuning would take).
        name: the operator or kernel; detail: what was assumed.
        file, line: where the script, or a library other than torch, asked for it.
        count: how often.
    """

    kind: str
    name: str
    detail: str
    file: str
    line: int
    count: int


_counts: dict[tuple[str, str, str, str, int], int] = {}
_lock = threading.Lock()


def assume(kind: str, name: str, detail: str) -> None:
    """Count an assumption for the innermost line that is not torch's."""
    file, line = _place()
    key = (kind, name, detail, file, line)
    with _lock:
        _counts[key] = _counts.get(key, 0) + 1


def assumed() -> list[Assumption]:
    """All assumptions so far, in the order in which they were first made."""
    with _lock:
        return [Assumption(*key, count) for key, count in _counts.items()]


def _place() -> tuple[str, int]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if not _is_library(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "", 0  # the thread that runs backward
