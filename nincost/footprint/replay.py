"""Plays a timeline: the peak, what it was made of, and how much was there after each phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from nincost.footprint.lower import Alloc, Emptied, Free, Timeline
from nincost.footprint.recording.stream import CATEGORIES, Mark, Phase


class Allocator(Protocol):
    """What a replay asks of an allocator's model; `nincost`'s caching allocator is one."""

    def malloc(self, size: int, stream: int = 0) -> Any: ...

    def free(self, block: Any) -> None: ...

    def empty_cache(self) -> None: ...

    @property
    def allocated_bytes(self) -> int: ...

    @property
    def peak_reserved_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest sum of bytes handed out at one time, and where it was first reached.

    `categories` sum to `bytes`, and so do `layers`: bytes alive at the peak by the layer that took
    them. `reserved_bytes` is None without an allocator.
    """

    bytes: int
    step: int
    phase: Phase
    layer: str
    operator: str
    categories: dict[str, int]
    layers: dict[str, int]
    reserved_bytes: int | None
    after: dict[str, int]


#: Where `Peak.after` looks: the end of each phase, in the last step.
_AFTER = {
    "model": "after_model",
    "loss": "after_forward",
    "backward": "after_backward",
    "step": "after_step",
}


def replay(timeline: Timeline, allocator: Allocator | None = None) -> Peak:
    """The peak of a timeline.

    Without an allocator each block counts what was asked for, as on the CPU; with one, what the
    allocator hands out for it. An allocator's own error (out of memory) passes through.
    """
    sizes, place, after = _play(timeline, allocator)
    alive = _alive_at(timeline, place, sizes)
    categories: dict[str, int] = dict.fromkeys(CATEGORIES, 0)
    layers: dict[str, int] = {}
    for held, size in alive:
        categories[held.category] += size
        layer = timeline.layers[held.layer]
        layers[layer] = layers.get(layer, 0) + size
    mark, alloc = _where(timeline, place)
    return Peak(
        bytes=sum(categories.values()),
        step=mark.step,
        phase=mark.phase,
        layer=timeline.layers[alloc.layer] if alloc else "",
        operator=alloc.operator if alloc else "",
        categories=categories,
        layers=layers,
        reserved_bytes=None if allocator is None else allocator.peak_reserved_bytes,
        after=after,
    )


def _play(timeline: Timeline, allocator: Allocator | None) -> tuple[list[int], int, dict[str, int]]:
    """The size of each alloc (0 for other events), the peak's position, bytes after each phase."""
    sizes = [0] * len(timeline.events)
    held: dict[int, tuple[int, Any]] = {}
    now = peak = 0
    place = -1
    after: dict[str, int] = {}
    phase: str = "model"
    for position, event in enumerate(timeline.events):
        if type(event) is Alloc:
            size, block = event.bytes, None
            if allocator is not None:
                block = allocator.malloc(event.bytes)
                size = allocator.allocated_bytes - now
            held[event.block] = (size, block)
            sizes[position] = size
            now += size
            if now > peak:
                peak, place = now, position
        elif type(event) is Free:
            size, block = held.pop(event.block)
            if allocator is not None:
                allocator.free(block)
            now -= size
        elif type(event) is Emptied:
            if allocator is not None:
                allocator.empty_cache()
        elif type(event) is Mark:
            if phase in _AFTER:
                after[_AFTER[phase]] = now
            elif phase == "forward" and event.phase == "end":
                after["after_forward"] = now
            phase = event.phase
    return sizes, place, after


def _alive_at(timeline: Timeline, place: int, sizes: list[int]) -> list[tuple[Alloc, int]]:
    alive: dict[int, tuple[Alloc, int]] = {}
    for position, event in enumerate(timeline.events[: place + 1]):
        if type(event) is Alloc:
            alive[event.block] = (event, sizes[position])
        elif type(event) is Free:
            del alive[event.block]
    return list(alive.values())


def _where(timeline: Timeline, place: int) -> tuple[Mark, Alloc | None]:
    mark = Mark("model", 0)
    for event in timeline.events[: place + 1]:
        if type(event) is Mark:
            mark = event
    found = timeline.events[place] if place >= 0 else None
    return mark, found if isinstance(found, Alloc) else None
