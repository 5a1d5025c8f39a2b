"""Replays events through the caching allocator until another step changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from nincost._allocator import CachingAllocator, ExactAllocator
from nincost._memory.device_allocations import Alloc, Emptied, Event, Free, Timeline
from nincost._trace.recording import Mark, Phase

#: Steps that are shown at least.
_LEAST_STEPS = 4
#: Steps that are replayed at most. Blocks are cut a little otherwise in each step, so that what is
#: reserved may rise until the twentieth.
_MOST_STEPS = 40
#: Where steps are long: as many as make this many events, about a second's.
_MOST_EVENTS = 120_000
#: Steps that are replayed at most where nobody waits for what is rare, or where they are long.
_FEW_STEPS = 10

#: Whose end gives which entry of `Simulation.after`, in the last step.
_AFTER: dict[Phase, str] = {
    "model": "after_model",
    "loss": "after_forward",
    "backward": "after_backward",
    "step": "after_step",
    "prefill": "after_prefill",
}
#: The same of what a step without gradients ends in.
_LAST: dict[Phase, str] = {"forward": "after_forward", "decode": "after_decode"}


@dataclass(frozen=True, slots=True)
class Held:
    """A block that is in use: what allocated it, in which phase, and the bytes that it counts."""

    alloc: Alloc
    phase: Phase
    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """Steps as the allocator saw them. All figures are bytes.

    Attributes:
        events: the recorded steps and, behind them, repeats of the last one.
        layers: what an event's `layer` is an index into.
        sizes: for each event the bytes handed out for it, 0 where it is no `Alloc`.
        peak: the largest sum of bytes handed out, first reached at event `peak_at`.
        requested: the largest sum of bytes requested.
        reserved: the most that was held from the device.
        after: bytes handed out when a phase of the last step had ended.
        steps: how many there were.
        settled: whether the last steps that were replayed changed neither peak nor what is held.
    """

    events: list[Event]
    layers: list[str]
    sizes: list[int]
    peak: int
    peak_at: int
    requested: int
    reserved: int
    after: dict[str, int]
    steps: int
    settled: bool

    @property
    def peak_mark(self) -> Mark:
        """The phase that the peak was reached in."""
        mark = Mark("model", 0)
        for event in self.events[: self.peak_at + 1]:
            if type(event) is Mark:
                mark = event
        return mark

    @property
    def peak_alloc(self) -> Alloc | None:
        """What allocated the peak's last block; None where nothing was ever allocated."""
        event = self.events[self.peak_at] if self.peak_at >= 0 else None
        return event if type(event) is Alloc else None

    def held_at(self, place: int) -> list[Held]:
        """The blocks in use after event number `place`."""
        held: dict[int, Held] = {}
        phase: Phase = "model"
        for event, size in zip(self.events[: place + 1], self.sizes, strict=False):
            if type(event) is Alloc:
                held[event.block] = Held(event, phase, size)
            elif type(event) is Free:
                del held[event.block]
            elif type(event) is Mark:
                phase = event.phase
        return list(held.values())


#: What stands for a layer where no module did it, by phase.
_OUTSIDE: dict[Phase, str] = {
    "model": "[model]",
    "input": "[input]",
    "forward": "[forward]",
    "loss": "[loss]",
    "zero_grad": "[optimizer]",
    "backward": "[backward]",
    "step": "[optimizer]",
    "end": "[end]",
    "prefill": "[generate]",
    "decode": "[generate]",
}


def layer_name(layers: list[str], layer: int, phase: Phase) -> str:
    """A layer's path, or a name in brackets for what no layer did."""
    return layers[layer] or _OUTSIDE[phase]


def simulate(
    timeline: Timeline,
    allocator: CachingAllocator | ExactAllocator | None = None,
    *,
    repeat: bool = True,
    quick: bool = False,
) -> Simulation:
    """Replay the recorded steps, and their last one again until the allocator repeats itself.

    It does when all its blocks lie as they did after an earlier step: from there on each step is
    one that was. Steps after the last that changed the peak or what is held are not kept, but for
    one, and four are at least. An allocator's own error (out of memory) passes through.

    Args:
        allocator: an unused one; CUDA's with its default settings where None.
        repeat: whether to go on after the recorded steps.
        quick: stop after the first step that changes nothing, for one guess of many.
    """
    run = _AllocatorRun(timeline.layers, CachingAllocator() if allocator is None else allocator)
    before, last = _last_steps(timeline.events)
    run.replay(timeline.events)
    settled = False
    seen: set[Any] = set()
    kept: _Kept | None = None
    state = run.state
    while repeat and _goes_on(run, quick):
        following = _following_step(before, last, run.next_block)
        if following is None:
            break
        run.replay(following)
        changed, state = run.state != state, run.state
        if changed or run.steps < _LEAST_STEPS:
            kept = None
        elif kept is None:
            kept = run.kept()
        layout = run.layout
        if kept is not None and (quick or layout in seen):
            settled = True
            break
        seen.add(layout)
        before, last = last, following
    else:
        settled = kept is not None and run.steps - kept.steps >= _LEAST_STEPS
    return run.result(settled, kept)


def _goes_on(run: _AllocatorRun, quick: bool) -> bool:
    """Whether another step is worth its time."""
    few = quick or len(run.events) > _MOST_EVENTS
    return run.steps < (_FEW_STEPS if few else _MOST_STEPS)


class _Kept(NamedTuple):
    """The end of a step: how many events and steps there are by then, and `Simulation.after`."""

    events: int
    steps: int
    after: dict[str, int]


class _AllocatorRun:
    """An allocator, and what it has been through."""

    def __init__(self, layers: list[str], allocator: CachingAllocator | ExactAllocator) -> None:
        self.layers = layers
        self.allocator = allocator
        self.events: list[Event] = []
        self.sizes: list[int] = []
        self.peak = 0
        self.peak_at = -1
        self.next_block = 1
        self.after: dict[str, int] = {}
        self.steps = 0
        self._blocks: dict[int, Any] = {}
        self._phase: Phase = "model"

    def kept(self) -> _Kept:
        """Where the last step that was replayed ends."""
        return _Kept(len(self.events), self.steps, dict(self.after))

    @property
    def layout(self) -> int:
        """Where blocks lie: what follows is the same where this is."""
        allocator: Any = self.allocator
        return int(allocator.layout(self._blocks.values()))

    @property
    def state(self) -> tuple[int, int, int]:
        allocator = self.allocator
        return self.peak, allocator.reserved_bytes, allocator.peak_reserved_bytes

    def replay(self, events: list[Event]) -> None:
        allocator: Any = self.allocator
        malloc, free = allocator.malloc, allocator.free
        blocks, sizes = self._blocks, self.sizes
        now = self.allocator.allocated_bytes
        for position, event in enumerate(events, start=len(sizes)):
            size = 0
            if type(event) is Alloc:
                block = malloc(event.bytes)
                blocks[event.block] = block
                size = block.size
                now += size
                if now > self.peak:
                    self.peak, self.peak_at = now, position
                self.next_block = max(self.next_block, event.block + 1)
            elif type(event) is Free:
                block = blocks.pop(event.block)
                now -= block.size
                free(block)
            elif type(event) is Mark:
                self._mark(event, now)
            elif type(event) is Emptied:
                allocator.empty_cache()
            sizes.append(size)
        self.events += events

    def _mark(self, mark: Mark, now: int) -> None:
        if self._phase in _AFTER:
            self.after[_AFTER[self._phase]] = now
        elif mark.phase == "end" and self._phase in _LAST:
            self.after[_LAST[self._phase]] = now
        self._phase = mark.phase
        self.steps = max(self.steps, mark.step)

    def result(self, settled: bool, kept: _Kept | None = None) -> Simulation:
        """What was replayed; up to `kept`, where steps after it changed nothing."""
        end = kept or self.kept()
        return Simulation(
            events=self.events[: end.events],
            layers=self.layers,
            sizes=self.sizes[: end.events],
            peak=self.peak,
            peak_at=self.peak_at,
            requested=self.allocator.peak_requested_bytes,
            reserved=self.allocator.peak_reserved_bytes,
            after=end.after,
            steps=end.steps,
            settled=settled,
        )


def _last_steps(events: list[Event]) -> tuple[list[Event], list[Event]]:
    """The events of the last step but one (empty where there is none), and of the last."""
    starts: dict[int, int] = {}
    for position, event in enumerate(events):
        if type(event) is Mark and event.step > 0:
            starts.setdefault(event.step, position)
    if not starts:
        return [], []
    last = max(starts)
    return events[starts.get(last - 1, starts[last]) : starts[last]], events[starts[last] :]


def _following_step(before: list[Event], last: list[Event], first_block: int) -> list[Event] | None:
    """The step that follows `last` when it does what `last` did after `before`.

    A block that `last` frees and `before` allocated (a gradient, say) stands for the one that
    `last` allocated at the same place; None where a block has no such counterpart, so that the
    steps do not repeat. What `last` allocated for good (a library's workspace, an optimizer's
    state) is not allocated again.
    """
    if not last:
        return None
    gone = {event.block for events in (before, last) for event in events if type(event) is Free}
    taken = {event.block for event in last if type(event) is Alloc}
    alive = taken - gone
    was = dict(_allocs(before, gone))
    now = dict(_allocs(last, gone))
    old = {alloc.block: place for place, alloc in was.items()}
    names: dict[int, int] = {}
    for event in last:
        if type(event) is Free and event.block not in taken:
            place = old.get(event.block)
            twin = now.get(place) if place is not None else None
            if place is None or twin is None or twin.block not in alive:
                return None
            if was[place][1:] != twin[1:]:
                return None
            names[event.block] = twin.block
    kept = alive - set(names.values())
    again: list[Event] = []
    for event in last:
        if type(event) is Alloc:
            if event.block in kept:
                continue
            names[event.block] = first_block
            again.append(event._replace(block=first_block))
            first_block += 1
        elif type(event) is Free:
            again.append(Free(names[event.block]))
        elif type(event) is Mark:
            again.append(Mark(event.phase, event.step + 1))
    return again


def _allocs(events: Iterable[Event], gone: set[int]) -> Iterator[tuple[tuple[Phase, int], Alloc]]:
    """Each alloc under its phase and its number within it; without libraries' lasting ones.

    These are allocated in the first step alone, and would shift the numbers of all that follow.
    """
    phase: Phase = "model"
    count: dict[Phase, int] = {}
    for event in events:
        if type(event) is Mark:
            phase = event.phase
        elif type(event) is Alloc and (event.category != "workspace" or event.block in gone):
            number = count[phase] = count.get(phase, 0) + 1
            yield (phase, number), event
