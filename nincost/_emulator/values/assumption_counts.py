"""What the emulated GPU has to assume where a card would decide, counted and with the user's line.

`assumed()` lists them; the process that observes a script reads it when the script ends.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from nincost._emulator.observe.user_code import Line, UserCode


@dataclass(frozen=True, slots=True)
class Assumption:
    """One kind of assumption at one place.

    Attributes:
        kind: `size` (how much an operator found), `value` (a number read back from the card),
            `choice` (which kernel autotuning would take).
        name: the operator or kernel; detail: what was assumed the first time.
        line: the user's line that asked for it, None where there is none; via: the innermost line
            of a library that it called.
        count: how often; varies: whether it was something else at another time.
    """

    kind: str
    name: str
    detail: str
    line: Line | None
    via: Line | None
    count: int
    varies: bool


@dataclass(slots=True)
class _Seen:
    detail: str
    count: int = 0
    varies: bool = False


class _Places:
    """Finds the user's line; what autograd's own thread asks for belongs to `otherwise`."""

    user_code = UserCode()

    @staticmethod
    def otherwise() -> Line | None:
        return None


_seen: dict[tuple[str, str, Line | None, Line | None], _Seen] = {}
_lock = threading.Lock()


def find_lines(user_code: UserCode, otherwise: Callable[[], Line | None]) -> None:
    """Say whose code is the user's, and what line runs where a thread has no Python frames."""
    _Places.user_code = user_code
    _Places.otherwise = staticmethod(otherwise)  # type: ignore[method-assign]


def assume(kind: str, name: str, detail: str) -> None:
    """Count an assumption for the user's line that runs."""
    line, via = _Places.user_code.lines(sys._getframe(1))
    key = (kind, name, line or _Places.otherwise(), via)
    with _lock:
        seen = _seen.setdefault(key, _Seen(detail))
        seen.count += 1
        seen.varies |= seen.detail != detail


def assumed() -> list[Assumption]:
    """All assumptions so far, in the order in which they were first made."""
    with _lock:
        return [
            Assumption(kind, name, seen.detail, line, via, seen.count, seen.varies)
            for (kind, name, line, via), seen in _seen.items()
        ]
