"""What a changed step takes, and what makes one fit that does not: plain values, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nincost._result import plain


@dataclass(frozen=True, slots=True)
class Change:
    """The same step with something changed, predicted.

    Attributes:
        option: what to add on the command line, or to write in its place.
        description: the same in words.
        peak_allocated_bytes, peak_reserved_bytes, process_bytes: as in `MemoryTotals`.
        saved_bytes: what the process takes less than before (negative: more).
    """

    option: str
    description: str
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int
    saved_bytes: int

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class Remedy(Change):
    """A change of a step that does not fit.

    Attributes:
        fits: whether the process fits the card then.
        command: the whole command; in Python's words where no shell can write it.
    """

    fits: bool
    command: str


@dataclass(frozen=True, slots=True)
class Remedies:
    """What was tried, in the order of what it costs whoever trains, then two and more together.

    Attributes:
        tried: each with what the step would take.
        largest_batch: the largest batch that fits with nothing changed; None where not even 1
            does, or where the input has a batch of its own.
    """

    tried: tuple[Remedy, ...]
    largest_batch: int | None

    @property
    def first(self) -> Remedy | None:
        """The one that costs least of those that make it fit; None where nothing does."""
        return next((remedy for remedy in self.tried if remedy.fits), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `first` is the option of the first that fits, or None."""
        first = self.first
        return {
            "first": first.option if first else None,
            "tried": [remedy.to_dict() for remedy in self.tried],
            "largest_batch": self.largest_batch,
        }
