"""Allocations and frees as numbers: nincost's, PyTorch's, and where the two differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nincost._memory.device_allocations import Alloc, Event, Free
from nincost._trace.recording import Mark

#: Bytes taken (or given back, as a negative number), and by what.
Change = tuple[int, str]


def predicted(events: Iterable[Event], layers: list[str]) -> list[Change]:
    """What nincost tells."""
    sizes: dict[int, int] = {}
    told: list[Change] = []
    mark = Mark("model", 0)
    for event in events:
        if isinstance(event, Mark):
            mark = event
        elif isinstance(event, Alloc):
            sizes[event.block] = event.bytes
            where = f"{layers[event.layer]} {event.operator} {event.category}"
            told.append((event.bytes, f"step {mark.step} {mark.phase}: {where}"))
        elif isinstance(event, Free):
            told.append((-sizes[event.block], f"step {mark.step} {mark.phase}"))
    return _plain(told)


def recorded(history: Iterable[Mapping[str, Any]]) -> list[Change]:
    """What PyTorch's allocator noted, each with the innermost Python lines that took it."""
    told: list[Change] = []
    for entry in history:
        if entry["action"] == "alloc":
            frames = [
                f"{Path(frame['filename']).name}:{frame['line']} {frame['name']}"
                for frame in entry.get("frames", ())[:4]
            ]
            told.append((entry["size"], " < ".join(frames)))
        elif entry["action"] == "free_completed":
            told.append((-entry["size"], ""))
    return _plain(told)


def _plain(changes: list[Change]) -> list[Change]:
    """Without empty tensors, up to the last that is taken: the end is in Python's own order."""
    changes = [change for change in changes if change[0]]
    last = max((place for place, change in enumerate(changes) if change[0] > 0), default=-1)
    return changes[: last + 1]


def unlike(mine: list[Change], real: list[Change]) -> list[str]:
    """Where they differ: `<` predicted only, `>` PyTorch's only."""
    ours, theirs = ([size for size, _ in changes] for changes in (mine, real))
    lines = []
    for tag, a, b, c, d in difflib.SequenceMatcher(
        None, ours, theirs, autojunk=False
    ).get_opcodes():
        if tag != "equal":
            lines.append(f"@ {a}, in {mine[max(a - 1, 0)][1]}")
            lines += [f"< {size:+,}  {where}" for size, where in mine[a:b]]
            lines += [f"> {size:+,}  {where}" for size, where in real[c:d]]
    return lines
