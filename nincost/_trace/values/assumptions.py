"""What a figure rests on that nobody computed: named, with the line of code that asked."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Literal

#: What is taken of values that depend on weights: each choice equally often, or all the same.
Balance = Literal["balanced", "worst"]

_STANDARD = os.path.dirname(os.__file__)
_LIBRARIES = tuple(f"{os.sep}{name}{os.sep}" for name in ("torch", "triton", "nincost"))


@dataclass(frozen=True, slots=True)
class Assumption:
    """One kind of assumption at one place.

    Attributes:
        kind: `size` (how much an operator finds), `value` (what is read back from the card),
            `choice` (which kernel autotuning would take), `input` (what an input holds that was
            described by its shape alone).
        name: the operator, kernel or input.
        detail: what was assumed.
        file, line: where the model, or a library other than torch, asked for it; empty and 0 where
            nothing did.
        count: how often.
    """

    kind: Literal["size", "value", "choice", "input"]
    name: str
    detail: str
    file: str
    line: int
    count: int

    def to_dict(self) -> dict[str, str | int]:
        return asdict(self)

    @property
    def place(self) -> str:
        """`file.py:12`; empty where no line asked."""
        return f"{os.path.basename(self.file)}:{self.line}" if self.file else ""


def calling_line(frame: FrameType | None = None) -> tuple[str, int]:
    """The innermost file and line that is not of torch, Triton, nincost or Python itself."""
    frame = frame or sys._getframe(1)
    while frame is not None:
        if not _is_library(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "", 0


def assumptions_note(assumptions: tuple[Assumption, ...]) -> str:
    """The sentence that shows what was assumed."""
    shown = [
        f"{one.detail} ({', '.join(filter(None, [one.name, one.place]))})" for one in assumptions
    ]
    more = [f"and {len(shown) - 4} more"] if len(shown) > 5 else []
    return f"rests on assumptions: {'; '.join([*(shown[:4] if more else shown), *more])}"


def _is_library(file: str) -> bool:
    if file.startswith(_STANDARD) and "site-packages" not in file:
        return True
    return file.startswith("<frozen") or any(part in file for part in _LIBRARIES)
