"""What each block of a history was for: category, layer, and the user's line that allocated it.

A block whose address held a parameter, a gradient and so on when its tensor was seen has that
category for its whole life. What remains goes by when it was allocated and freed, as the model
engine has it (`_trace/recording.py`): activations are made in forward or loss and alive when
backward begins. What cannot be known is `other`.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nincost._emulator.history import History, HistoryBlock
from nincost._emulator.observe.user_code import Line, UserCode
from nincost._emulator.timeline_marks import MarkedEvents, PhaseSpan

#: Of two names that a block has had, the first of these is right: a gradient that is a parameter of
#: another optimizer does not occur, arguments of a module may be anything.
_PRECEDENCE = ("parameters", "optimizer_state", "gradients", "buffers", "inputs")
_IN_FORWARD = frozenset({"forward", "loss"})
_IN_STEP = frozenset({"forward", "loss", "zero_grad", "backward", "recompute", "step"})
#: Files of torch whose functions allocate what ranks share, and what it is. What is seen as a
#: gradient, as a reduced shard is, stays one.
_SHARED = {
    "torch/nn/parallel/distributed.py": "communication",  # DistributedDataParallel's buckets
    "torch/distributed/fsdp/_fully_shard/_fsdp_collectives.py": "communication",
}
_UNSHARDED = {
    "torch/distributed/fsdp/_fully_shard/_fsdp_param.py": (
        "alloc_storage", "<listcomp>", "init_all_gather_outputs", "alloc_all_gather_outputs",
    ),
    "torch/distributed/utils.py": ("_alloc_storage",),  # of FSDP1's flat parameters
}  # fmt: skip

_OWN = "/nincost/_emulator/values/"

#: What stands for a layer where no module did it, by phase.
_OUTSIDE = {
    "model": "[model]", "forward": "[forward]", "loss": "[loss]", "backward": "[backward]",
    "zero_grad": "[optimizer]", "recompute": "[backward]", "step": "[optimizer]", "end": "[input]",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """A block's category, layer and lines, which are `(file, line, function)` or None.

    `line` is the innermost that is the user's, `via` the innermost of a library other than torch
    that it called.
    """

    category: str
    layer: str
    line: Line | None
    via: Line | None
    phase: str
    step: int


def attribute(
    history: History,
    marked: MarkedEvents,
    observed: Mapping[str, Any],
    *,
    user_code: UserCode,
    workspace_bytes: frozenset[int] = frozenset(),
) -> list[Origin]:
    """The origin of each block of `history.blocks`, in their order.

    Args:
        observed: what `observer.Observed` holds, as it was written.
        workspace_bytes: sizes of cuBLAS's workspaces on the card: a block that is asked for with
            such a size in a step and lives on is one.
    """
    return _Attribution(history, marked, observed, user_code, workspace_bytes).run()


class _Attribution:
    def __init__(
        self, history: History, marked: MarkedEvents, observed: Mapping[str, Any],
        user_code: UserCode, workspace_bytes: frozenset[int],
    ) -> None:  # fmt: skip
        self.history = history
        self.marked = marked
        self.lines: Sequence[Line] = observed["lines"]
        self.layers = layer_names(observed["layers"])
        self.user_code = user_code
        self.workspace_bytes = workspace_bytes
        self.named = self._names(observed["named"])
        spans = marked.spans()
        self.starts = [span.first for span in spans]
        self.spans = spans
        self.held_until = _boundaries(spans, history)
        self.step_ends = [span.first for span in spans if span.phase == "end"]

    def _names(self, named: Sequence[tuple[int, int, str, int]]) -> dict[int, tuple[str, int]]:
        """Category and layer of the blocks that had a name, by the block's place."""
        at: dict[int, list[int]] = defaultdict(list)
        births: dict[int, list[int]] = defaultdict(list)
        for place, block in enumerate(self.history.blocks):
            at[block.address].append(place)
            births[block.address].append(block.born)
        found: dict[int, tuple[str, int]] = {}
        for time, address, category, layer in named:
            if address not in at:
                continue
            event = self.marked.event_at(time)
            index = bisect.bisect_right(births[address], event) - 1
            if index < 0:
                continue
            place = at[address][index]
            freed = self.history.blocks[place].freed
            if freed is not None and freed <= event:
                continue
            known = found.get(place, (category, layer))
            best = min(known[0], category, key=_PRECEDENCE.index)
            found[place] = (best, layer if known[1] < 0 and best == category else known[1])
        return found

    def run(self) -> list[Origin]:
        origins = [self._origin(place, block) for place, block in enumerate(self.history.blocks)]
        # The first batch is placed in the phase of the model; its line places the later ones, too.
        inputs = {o.line for o in origins if o.category == "inputs" and o.phase == "end"}
        return [
            replace(o, category="inputs", layer="[input]")
            if o.category == "other" and o.phase == "model" and o.line in inputs and o.line
            else o
            for o in origins
        ]

    def _origin(self, place: int, block: HistoryBlock) -> Origin:
        row = self.marked.row(block.born)
        line, via = self._lines(block.born)
        if line is None and row.line >= 0:  # autograd's own thread has no Python frames
            line = self.lines[row.line]
        category, layer = self.named.get(place, ("", -1))
        if category == "inputs" and row.phase in _IN_STEP:
            category = ""  # an activation that another module was called with
        category = self._by_maker(block, category) or self._by_time(block, row.phase)
        if layer < 0:
            layer = row.layer
        name = self.layers[layer] if layer >= 0 else ""
        if category == "workspace":  # a thread's, whichever layer was the first to need it
            name = _OUTSIDE[row.phase]
        elif category == "optimizer_state":
            name = "[optimizer]"
        elif not name:
            name = "[input]" if category == "inputs" else _OUTSIDE[row.phase]
        return Origin(category, name, line, via, row.phase, row.step)

    def _lines(self, event: int) -> tuple[Line | None, Line | None]:
        """The innermost of an event's Python frames that is the user's, and of what it called."""
        via = None
        for frame in self.history.events[event].get("frames") or ():
            owner = self.user_code.owner(frame["filename"])
            if owner == "user":
                return (frame["filename"], frame["line"], frame["name"]), via
            if owner == "library" and via is None:
                via = (frame["filename"], frame["line"], frame["name"])
        return None, via

    def _by_maker(self, block: HistoryBlock, category: str) -> str:
        """What torch's own function makes that allocated a block, else the category it has."""
        frame = innermost(self.history.events[block.born].get("frames") or ())
        if frame is None or category in ("gradients", "optimizer_state"):
            return category
        file = frame["filename"]
        for end, names in _UNSHARDED.items():
            if file.endswith(end) and frame["name"] in names:
                return "unsharded_parameters"
        if not category:
            return next((made for end, made in _SHARED.items() if file.endswith(end)), "")
        return category

    def _by_time(self, block: HistoryBlock, phase: str) -> str:
        freed = len(self.history.events) if block.freed is None else block.freed
        if phase in _IN_STEP and block.freed is None and block.requested in self.workspace_bytes:
            return "workspace"
        span = bisect.bisect_right(self.starts, block.born) - 1
        if (phase in _IN_FORWARD or phase == "recompute") and freed >= self.held_until[span]:
            return "activations"
        if phase == "model":
            return "other"
        # Alive after the step that follows: something that the script keeps.
        ends = bisect.bisect_right(self.step_ends, block.born)
        kept = ends + 1 < len(self.step_ends) and freed > self.step_ends[ends + 1]
        if kept:
            return "other"
        return "inputs" if phase == "end" else "temporaries"


def innermost(frames: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The innermost of an event's Python frames that is not of the emulated GPU itself."""
    return next((frame for frame in frames if _OWN not in frame["filename"]), None)


def _boundaries(spans: Sequence[PhaseSpan], history: History) -> list[int]:
    """For each span the event until which a block that is made in it must live to be an activation.

    That is the beginning of the backward that follows, or where none does, the end of forward; of a
    recomputation its own end. Out of memory ends all: what was held then was held.
    """
    failures = [n for n, event in enumerate(history.events) if event["action"] == "oom"]
    until = [0] * len(spans)
    backward: int | None = None
    for number in range(len(spans) - 1, -1, -1):
        span = spans[number]
        if span.phase == "backward" and (number == 0 or spans[number - 1].phase != "recompute"):
            backward = span.first
        elif span.phase in ("end", "model"):
            backward = None
        until[number] = span.last if span.phase == "recompute" or backward is None else backward
        failed = bisect.bisect_left(failures, span.first)
        if failed < len(failures):
            until[number] = min(until[number], failures[failed])
    return until


def layer_names(layers: Sequence[str]) -> list[str]:
    """Paths as people know them: `encoder.layer.0`; of several networks with the network's name."""
    roots = {root for root, separator, _ in (name.partition("\0") for name in layers) if separator}
    names = []
    for name in layers:
        root, separator, path = name.partition("\0")
        if not separator or not path:
            names.append(root)
        else:
            names.append(path if len(roots) == 1 else f"{root}.{path}")
    return names
