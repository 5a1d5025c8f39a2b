"""Allocations and frees in order: nincost's, PyTorch's, and where the two differ."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nincost._emulator.observe.user_code import UserCode
from nincost._memory.device_allocations import Alloc, Event, Free
from nincost._trace.recording import Mark

_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes allocated (or freed, as a negative number), and where.

    Attributes:
        step, phase, layer, operator, category: of a predicted one.
        line: of PyTorch's, the innermost line that is not torch's own, such as `net.py:12`;
            frames: the innermost Python lines, torch's among them.
    """

    bytes: int
    step: int = 0
    phase: str = ""
    layer: str = ""
    operator: str = ""
    category: str = ""
    line: str = ""
    frames: str = ""

    @property
    def where(self) -> str:
        """In words."""
        if not self.phase:
            return self.frames
        what = f": {self.layer} {self.operator} {self.category}" if self.bytes > 0 else ""
        return f"step {self.step} {self.phase}{what}"


def predicted(events: Iterable[Event], layers: Sequence[str]) -> list[Change]:
    """What nincost predicts."""
    sizes: dict[int, int] = {}
    found: list[Change] = []
    mark = Mark("model", 0)
    for event in events:
        if isinstance(event, Mark):
            mark = event
        elif isinstance(event, Alloc):
            sizes[event.block] = event.bytes
            found.append(
                Change(
                    event.bytes,
                    mark.step,
                    mark.phase,
                    layers[event.layer],
                    event.operator,
                    event.category,
                )
            )
        elif isinstance(event, Free):
            found.append(Change(-sizes[event.block], mark.step, mark.phase))
    return _plain(found)


def recorded(history: Iterable[Mapping[str, Any]]) -> list[Change]:
    """What PyTorch's allocator noted."""
    user_code = UserCode()
    found: list[Change] = []
    for entry in history:
        if entry["action"] == "alloc":
            frames = entry.get("frames", ())
            lines = [f"{os.path.basename(one['filename'])}:{one['line']}" for one in frames]
            own = [n for n, one in enumerate(frames) if user_code.owner(one["filename"]) != "other"]
            text = " < ".join(
                f"{line} {one['name']}"
                for line, one in zip(lines[:_FRAMES], frames[:_FRAMES], strict=True)
            )
            place = own[0] if own else 0
            found.append(Change(entry["size"], line=lines[place] if lines else "", frames=text))
        elif entry["action"] == "free_completed":
            found.append(Change(-entry["size"]))
    return _plain(found)


def _plain(changes: list[Change]) -> list[Change]:
    """Without empty tensors, up to the last allocation: the end is in Python's own order."""
    changes = [change for change in changes if change.bytes]
    last = max((place for place, change in enumerate(changes) if change.bytes > 0), default=-1)
    return changes[: last + 1]


def first_difference(mine: Sequence[Change], real: Sequence[Change]) -> int | None:
    """The number of the first change whose bytes differ; None where none does."""
    for number, (one, other) in enumerate(zip(mine, real, strict=False)):
        if one.bytes != other.bytes:
            return number
    return None if len(mine) == len(real) else min(len(mine), len(real))


def unlike(mine: Sequence[Change], real: Sequence[Change]) -> list[str]:
    """All places where they differ: `<` predicted only, `>` PyTorch's only."""
    ours, theirs = ([change.bytes for change in changes] for changes in (mine, real))
    lines = []
    for tag, a, b, c, d in difflib.SequenceMatcher(
        None, ours, theirs, autojunk=False
    ).get_opcodes():
        if tag != "equal":
            lines.append(f"@ {a}, in {mine[max(a - 1, 0)].where}")
            lines += [f"< {change.bytes:+,}  {change.where}" for change in mine[a:b]]
            lines += [f"> {change.bytes:+,}  {change.where}" for change in real[c:d]]
    return lines
