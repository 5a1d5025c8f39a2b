"""Turns a recording into the allocations and frees that a device would make."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

from nincost._devices.deterministic import refused, sized_later, without_rule
from nincost._devices.rules import (
    Action,
    AllocOutput,
    AllocScratch,
    FreeScratch,
    LibraryWorkspace,
    Rule,
    ScratchIsOutput,
    TimingWorkspace,
    actions_of,
)
from nincost._devices.tables import device_tables
from nincost._devices.target import Target
from nincost._devices.without_rule import lacks_rule
from nincost._trace.recording import (
    Category,
    Chunk,
    Ended,
    Entry,
    Made,
    Mark,
    Phase,
    Ran,
    Recording,
)


class Alloc(NamedTuple):
    """Memory is allocated: `bytes` as requested, before any rounding.

    `block` names it until its `Free`. `layer` is an index into `Timeline.layers`.
    """

    block: int
    bytes: int
    category: Category
    layer: int
    operator: str


class Free(NamedTuple):
    """Memory is freed."""

    block: int


class Emptied(NamedTuple):
    """The allocator gives its unused segments back to the driver."""


Event = Alloc | Free | Emptied | Mark


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The events of the recorded steps on one device, in order, with `Mark`s between phases.

    `uncounted` names operators that allocate more than their outputs, or may, and have no rule;
    `refused` those that would raise, since they have no deterministic kernel.
    """

    events: list[Event]
    layers: list[str]
    target: Target
    used_rules: list[Rule]
    uncounted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def device_allocations(recording: Recording, target: Target) -> Timeline:
    """Apply the target's rules to a recording."""
    lowering = _Lowering(recording, target)
    lowering.run()
    used = [lowering.rules[name] for name in sorted(lowering.used)]
    names = lowering.used | lowering.other
    lacking = {name for name in lowering.other if lacks_rule(name, target.device)}
    return Timeline(
        lowering.events,
        recording.layers,
        target,
        used,
        uncounted=tuple(sorted(lacking | without_rule(names, target))),
        refused=refused(names, target),
    )


class _Round(NamedTuple):
    """What a chunk of entries came to: its events, and how many there are behind each entry.

    `blocks` is what holds each storage behind it.
    """

    events: list[Event]
    ends: list[int]
    blocks: dict[int, int]


#: More than a chunk allocates.
_BLOCKS = 1 << 32


class _Lowering:
    def __init__(self, recording: Recording, target: Target) -> None:
        self.recording = recording
        self.target = target
        # With the storages of entries that are written on.
        self._storages = list(recording.storages) if recording.further else recording.storages
        self._entries: list[Entry] = []
        self._phase: Phase = "model"
        self.rules = device_tables(target.device).rules
        self.events: list[Event] = []
        self.used: set[str] = set()
        self.other: set[str] = set()  # operators without a rule
        self._actions: dict[tuple[int, Phase, str, bool], tuple[Action, ...]] = {}
        self._blocks: dict[int, int] = {}  # storage -> block that holds it
        self._once: set[Any] = set()  # names of what is allocated the first time only
        self._next = 0
        self._on_cpu = target.device == "cpu"
        self._sized_later = sized_later(target)

    def run(self) -> None:
        entries, further = self.recording.entries, self.recording.further
        if further is None:
            self._run(entries)
            return
        self._run(entries[:-1])
        known = self._actions
        rounds: dict[int, _Round] = {}
        first_block, in_order = self._next, 0
        for chunk in further.chunks(self._storages):
            # Signatures of a chunk are gone behind it, and with them what their ids say.
            self._actions = dict(known)
            if len(rounds) == chunk.rounds:
                events = self._resized(rounds[chunk.round], chunk)
                if events is not None:
                    self.events += events
                    continue
                self._blocks = dict(rounds[(chunk.round - 1) % chunk.rounds].blocks)
                rounds.clear()
                in_order = 0
            # The same blocks in each chunk of a round, as those before it are gone.
            self._next = first_block + _BLOCKS * (chunk.round + 1)
            began = len(self.events)
            ends = self._run(chunk.entries)
            in_order += 1
            if in_order >= chunk.rounds:  # what it frees was allocated in this way, too
                rounds[chunk.round] = _Round(
                    self.events[began:], [end - began for end in ends], dict(self._blocks)
                )
        self._run(entries[-1:])

    def _resized(self, alike: _Round, chunk: Chunk) -> list[Event] | None:
        """A chunk's events by those of one that differs in sizes alone; None where more differs."""
        events = list(alike.events)
        known: dict[int, list[int]] = {}
        for position in chunk.varying:
            entry = chunk.entries[position]
            key = id(entry.signature) if type(entry) is Ran else -position
            if key not in known:
                known[key] = self._sizes(entry, position)
            places = [
                place
                for place in range(
                    alike.ends[position - 1] if position else 0, alike.ends[position]
                )
                if type(events[place]) is Alloc
            ]
            if len(places) != len(known[key]):
                return None
            for place, size in zip(places, known[key], strict=True):
                event: Any = events[place]
                events[place] = Alloc(event.block, size, *event[2:])
        return events

    def _sizes(self, entry: Entry, position: int) -> list[int]:
        """The bytes of each allocation of an entry, looked at alone."""
        kept = self.events, self._blocks, self._once
        self.events, self._blocks, self._once = [], {}, set(self._once)
        self._run_one(entry, position)
        sizes = [event.bytes for event in self.events if type(event) is Alloc]
        self.events, self._blocks, self._once = kept
        return sizes

    def _run(self, entries: list[Entry]) -> list[int]:
        """Lower entries; returns how many events there are behind each."""
        self._entries = entries
        ends = []
        for position, entry in enumerate(entries):
            self._run_one(entry, position)
            ends.append(len(self.events))
        return ends

    def _run_one(self, entry: Entry, position: int) -> None:
        if type(entry) is Ran:
            self._operator(entry, self._phase, position)
        elif type(entry) is Ended:
            self._end(entry.storage)
        elif type(entry) is Made:
            storage = self._storages[entry.storage]
            self._allocate_storage(entry.storage, storage.bytes, entry.layer, "")
        elif type(entry) is Mark:
            self._phase = entry.phase
            self.events.append(entry)

    def _operator(self, ran: Ran, phase: Phase, position: int) -> None:
        if ran.signature.on_host and not self._on_cpu:
            return
        name = ran.signature.name
        rule = self.rules.get(name)
        if rule is None:
            self.other.add(name)
            for number, storage in enumerate(ran.born):
                self._allocate_storage(storage, self._storages[storage].bytes, ran.layer, name)
                self._fill(ran, number)
            return
        key = (id(ran.signature), phase, ran.node, ran.held)
        actions = self._actions.get(key)
        if actions is None:
            actions = self._actions[key] = actions_of(rule, ran, phase, self.target)
            self.used.add(name)
        scratch: dict[str, int] = {}
        for action in actions:
            if isinstance(action, AllocOutput):
                self._output(action, ran, position)
            elif isinstance(action, AllocScratch):
                scratch[action.name] = self._alloc(action.bytes, action.category, ran.layer, name)
            elif isinstance(action, FreeScratch):
                self._free(scratch.pop(action.name))
            elif isinstance(action, ScratchIsOutput):
                self._become(ran.outputs[action.position], scratch.pop(action.name))
            elif action.name not in self._once:
                self._once.add(action.name)
                self._allocate_once(action, ran)

    def _allocate_once(self, action: LibraryWorkspace | TimingWorkspace, ran: Ran) -> None:
        name = ran.signature.name
        if isinstance(action, LibraryWorkspace):
            self._alloc(action.bytes, action.category, -1, name)
        else:
            self._free(self._alloc(action.bytes, action.category, ran.layer, name))
            self.events.append(Emptied())

    def _become(self, storage: int, block: int) -> None:
        """A storage is a block that the operator that runs allocated as scratch memory."""
        self._blocks[storage] = block
        for index in range(len(self.events) - 1, -1, -1):
            event = self.events[index]
            if type(event) is Alloc and event.block == block:
                category = self._storages[storage].category
                self.events[index] = event._replace(category=category)
                return

    def _output(self, action: AllocOutput, ran: Ran, position: int) -> None:
        storage = ran.outputs[action.position]
        if storage not in ran.born or storage in self._blocks:
            return
        size = self._storages[storage].bytes if action.bytes is None else action.bytes
        if action.over is not None and action.over < len(ran.inputs):
            old = ran.inputs[action.over]
            if old in self._blocks and self._dies(old, position, size):
                self._blocks[storage] = self._blocks.pop(old)
                return
        self._allocate_storage(storage, size, ran.layer, ran.signature.name)
        self._fill(ran, action.position)

    def _fill(self, ran: Ran, position: int) -> None:
        """Fill an output as deterministic CUDA does; see `sized_later`."""
        name = ran.signature.name
        if name in self._sized_later:
            element = ran.signature.outputs[position].dtype.itemsize
            self._free(self._alloc(element, "temporaries", ran.layer, name))

    def _dies(self, storage: int, position: int, size: int) -> bool:
        """Whether a storage of `size` bytes ends with the operator at `position`."""
        if self._storages[storage].bytes != size:
            return False
        for entry in itertools.islice(self._entries, position + 1, None):
            if type(entry) is not Ended:
                return False
            if entry.storage == storage:
                return True
        return False

    def _allocate_storage(self, storage: int, size: int, layer: int, operator: str) -> None:
        found = self._storages[storage]
        if found.on_host and not self._on_cpu:
            return
        self._blocks[storage] = self._alloc(size, found.category, layer, operator)

    def _end(self, storage: int) -> None:
        block = self._blocks.pop(storage, None)
        if block is not None:
            self._free(block)

    def _alloc(self, size: int, category: Category, layer: int, operator: str) -> int:
        self._next += 1
        if size > 0:
            self.events.append(Alloc(self._next, size, category, layer, operator))
        else:
            return 0
        return self._next

    def _free(self, block: int) -> None:
        if block:
            self.events.append(Free(block))
