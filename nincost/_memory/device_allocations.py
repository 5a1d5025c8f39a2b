"""Turns a recording into the allocations and frees that a device would make."""

from __future__ import annotations

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
from nincost._trace.recording import Category, Ended, Entry, Made, Mark, Phase, Ran, Recording


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


class _Lowering:
    def __init__(self, recording: Recording, target: Target) -> None:
        self.recording = recording
        self.target = target
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
        entries, storages = self.recording.entries, self.recording.storages
        phase: Phase = "model"
        for position, entry in enumerate(entries):
            if type(entry) is Ran:
                self._operator(entry, phase, position)
            elif type(entry) is Ended:
                self._end(entry.storage)
            elif type(entry) is Made:
                storage = storages[entry.storage]
                self._allocate_storage(entry.storage, storage.bytes, entry.layer, "")
            elif type(entry) is Mark:
                phase = entry.phase
                self.events.append(entry)

    def _operator(self, ran: Ran, phase: Phase, position: int) -> None:
        if ran.signature.on_host and not self._on_cpu:
            return
        name = ran.signature.name
        rule = self.rules.get(name)
        if rule is None:
            self.other.add(name)
            for number, storage in enumerate(ran.born):
                self._allocate_storage(
                    storage, self.recording.storages[storage].bytes, ran.layer, name
                )
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
                category = self.recording.storages[storage].category
                self.events[index] = event._replace(category=category)
                return

    def _output(self, action: AllocOutput, ran: Ran, position: int) -> None:
        storage = ran.outputs[action.position]
        if storage not in ran.born or storage in self._blocks:
            return
        size = self.recording.storages[storage].bytes if action.bytes is None else action.bytes
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
        if self.recording.storages[storage].bytes != size:
            return False
        entries: list[Entry] = self.recording.entries
        for entry in entries[position + 1 :]:
            if type(entry) is not Ended:
                return False
            if entry.storage == storage:
                return True
        return False

    def _allocate_storage(self, storage: int, size: int, layer: int, operator: str) -> None:
        found = self.recording.storages[storage]
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
