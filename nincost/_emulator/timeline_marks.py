"""Where a script was at each event of the allocator's history: phase, step, layer, user's line.

The thread that runs the script writes the number of the newest mark beside each event. Another
thread (autograd's, before its first mark of a pass, or a library's) writes an old number or none:
its events are placed by their time.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class MarkRow(NamedTuple):
    """A beginning of a phase or a layer, as `observe/phases.py` notes it."""

    time_ns: int
    phase: str
    step: int
    call: int
    layer: int
    line: int


_START = MarkRow(0, "model", 0, 0, -1, -1)


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """A stretch of one phase: its first event, and that of what follows."""

    phase: str
    step: int
    call: int
    first: int
    last: int


class MarkedEvents:
    """Each event's mark, and the spans of phases."""

    def __init__(
        self, events: Sequence[Mapping[str, Any]], marks: Sequence[tuple[Any, ...]]
    ) -> None:
        self.rows = [MarkRow(*mark) for mark in marks]
        self._times = [row.time_ns for row in self.rows]
        self._numbers: list[int] = []  # of each event, counted from 1; 0 is before the first
        self._order: list[int] = []  # the same, never falling
        self.event_times: list[int] = []
        newest = time = 0
        for event in events:
            text = event.get("user_metadata") or ""
            number = int(text) if text.isdecimal() and int(text) <= len(self.rows) else 0
            time = max(time, event.get("time_us", 0) * 1000 + 999)
            if number < newest or number == 0:
                number = max(bisect.bisect_right(self._times, time), number)
                number = max(number, newest) if self.rows else 0
            newest = max(newest, number)
            self._numbers.append(number)
            self._order.append(newest)
            self.event_times.append(time)

    def row(self, event: int) -> MarkRow:
        """The mark that an event falls under."""
        number = self._numbers[event] if event < len(self._numbers) else len(self.rows)
        return self.rows[number - 1] if number else _START

    def event_at(self, time_ns: int) -> int:
        """The last event at or before a time; -1 where there is none."""
        return bisect.bisect_right(self.event_times, time_ns + 999) - 1

    def spans(self) -> list[PhaseSpan]:
        """The phases in order, those without an event among them."""
        found: list[PhaseSpan] = []
        begins: list[tuple[int, MarkRow]] = [(0, _START)]
        for number, row in enumerate(self.rows, 1):
            if row[1:4] != begins[-1][1][1:4]:
                begins.append((bisect.bisect_left(self._order, number), row))
        ends = [first for first, _ in begins[1:]] + [len(self._order)]
        for (first, row), last in zip(begins, ends, strict=True):
            found.append(PhaseSpan(row.phase, row.step, row.call, first, last))
        return found
