"""From what was observed of a rank to what it took: totals, steps, categories, layers and lines."""

from __future__ import annotations

import linecache
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nincost._devices.cards import Gpu
from nincost._devices.libraries.cublas import UNIFIED_FROM, blas_workspaces
from nincost._devices.libraries.nccl import NcclMemory
from nincost._devices.settings import release_of
from nincost._emulator.attribution import Origin, attribute, innermost, layer_names
from nincost._emulator.history import History, read_settings, replay
from nincost._emulator.observe.user_code import Line, UserCode
from nincost._emulator.ranks.communicators import nccl_of
from nincost._emulator.results import RUN_CATEGORIES, Assumed, LineMemory, OutOfMemory, RunStep
from nincost._emulator.timeline_marks import MarkedEvents, MarkRow, PhaseSpan
from nincost._memory.results import LayerMemory

#: Whose end, in a step, gives which figure.
_AFTER = {"after_forward": ("loss",), "after_backward": ("backward", "recompute"),
          "after_step": ("step",)}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """One rank's history, attributed.

    Attributes:
        origins: of each block of `history.blocks`.
        peak: the number of the event at which most was first allocated; -1 where nothing was.
        outside_bytes: what the process held beside torch's allocator and the CUDA context.
        nccl: what NCCL's communicators hold beside that, modelled.
    """

    history: History
    marked: MarkedEvents
    spans: Sequence[PhaseSpan]
    origins: Sequence[Origin]
    peak: int
    by_call: bool
    context_bytes: int
    outside_bytes: int
    nccl: NcclMemory
    counters: Mapping[str, Any]
    observed: Mapping[str, Any]
    user_code: UserCode

    @property
    def peak_row(self) -> MarkRow:
        return self.marked.row(self.peak)

    @property
    def peak_allocated(self) -> int:
        return self.history.allocated[self.peak] if self.peak >= 0 else 0

    @property
    def peak_reserved(self) -> int:
        return max(self.history.reserved, default=0)

    @property
    def process_bytes(self) -> int:
        return self.peak_reserved + self.beside_bytes

    @property
    def beside_bytes(self) -> int:
        """What the process holds beside torch's allocator."""
        return self.context_bytes + self.outside_bytes + self.nccl.bytes

    def peak_origin(self) -> Origin | None:
        """The origin of the block that made the peak."""
        for block, origin in zip(self.history.blocks, self.origins, strict=True):
            if block.born == self.peak:
                return origin
        return None

    def peak_operator(self) -> str:
        """The innermost Python function that was running; autograd's C++ has none."""
        frames = self.history.events[self.peak].get("frames") if self.peak >= 0 else ()
        frame = innermost(frames or ())
        return str(frame["name"]) if frame else ""

    def held(self) -> Iterator[tuple[int, Origin]]:
        """Bytes and origin of the blocks that are in use at the peak."""
        for block, origin in zip(self.history.blocks, self.origins, strict=True):
            if block.born <= self.peak and (block.freed is None or block.freed > self.peak):
                yield block.bytes, origin


def analyse(recording: Mapping[str, Any], gpu: Gpu) -> Analysis:
    """Replay and attribute what `Observer.write` has written.

    Of several devices in the process, the one that most was allocated on.
    """
    snapshot = recording["snapshot"] or {"device_traces": [], "allocator_settings": {}}
    config = read_settings(snapshot["allocator_settings"])
    histories = [replay(events, config) for events in snapshot["device_traces"]]
    device = max(
        range(len(histories)), key=lambda n: max(histories[n].allocated, default=0), default=0
    )
    history = histories[device] if histories else replay((), config)
    observed = recording["observed"]
    user_code = UserCode(recording["packages"])
    marked = MarkedEvents(history.events, observed["marks"])
    workspaces = blas_workspaces(
        gpu.capability,
        recording.get("environment", {}),
        unified=release_of((recording["torch"] or {}).get("torch", "")) >= UNIFIED_FROM,
    )
    origins = attribute(
        history,
        marked,
        observed,
        user_code=user_code,
        workspace_bytes=frozenset({workspaces.blas, workspaces.lt}) - {0},
    )
    counters = recording["devices"][device] if recording["devices"] else {}
    outside = counters.get("process", 0) - gpu.context_bytes - counters.get("reserved", 0)
    return Analysis(
        history=history,
        marked=marked,
        spans=marked.spans(),
        origins=origins,
        peak=history.peak(),
        by_call=not observed["optimizers"],
        context_bytes=gpu.context_bytes,
        outside_bytes=max(outside, 0),
        nccl=nccl_of(recording, gpu.title, gpu.capability),
        counters=counters,
        observed=observed,
        user_code=user_code,
    )


def categories_at_peak(analysis: Analysis) -> dict[str, int]:
    """Bytes by category; they sum to the peak."""
    return _by_category(analysis.held())


def _by_category(held: Iterable[tuple[int, Origin]]) -> dict[str, int]:
    found = dict.fromkeys(RUN_CATEGORIES, 0)
    for size, origin in held:
        found[origin.category] += size
    return found


def layers_at_peak(analysis: Analysis) -> tuple[LayerMemory, ...]:
    """What each layer holds at the peak, in the order of first allocation."""
    layers: dict[str, dict[str, int]] = {}
    for size, origin in analysis.held():
        parts = layers.setdefault(origin.layer, dict.fromkeys(RUN_CATEGORIES, 0))
        parts[origin.category] += size
    return tuple(LayerMemory(name, sum(parts.values()), parts) for name, parts in layers.items())


def lines_at_peak(analysis: Analysis) -> tuple[LineMemory, ...]:
    """What each of the user's lines holds at the peak, by layer; the largest first."""
    rows: dict[tuple[Line | None, Line | None, str], dict[str, int]] = {}
    for size, origin in analysis.held():
        key = (origin.line, origin.via, origin.layer)
        parts = rows.setdefault(key, dict.fromkeys(RUN_CATEGORIES, 0))
        parts[origin.category] += size
    names = short_names(line[0] for key in rows for line in key[:2] if line)

    def place(line: Line | None) -> str:
        return f"{names[line[0]]}:{line[1]}" if line else ""

    found = [
        LineMemory(
            line=place(line),
            function=line[2] if line else "",
            code=code_at(line),
            via=place(via),
            via_code=code_at(via),
            layer=layer,
            bytes=sum(parts.values()),
            categories=parts,
        )
        for (line, via, layer), parts in rows.items()
    ]
    return tuple(sorted(found, key=lambda row: -row.bytes))


def short_names(files: Iterable[str]) -> dict[str, str]:
    """The shortest end of each path that no other file shares: `train.py`, `nets/block.py`."""
    paths = {file: os.path.normpath(file).split(os.sep) for file in set(files)}
    found: dict[str, str] = {}
    for file, parts in paths.items():
        for count in range(1, len(parts) + 1):
            end = parts[-count:]
            if sum(other[-count:] == end for other in paths.values()) == 1:
                break
        found[file] = os.sep.join(end)
    return found


def assumed_of(recording: Mapping[str, Any]) -> tuple[Assumed, ...]:
    """What was assumed, by the user's lines."""
    found = recording["assumed"]
    names = short_names(line[0] for one in found for line in (one["line"], one["via"]) if line)

    def place(line: Line | None) -> str:
        return f"{names[line[0]]}:{line[1]}" if line else ""

    return tuple(
        Assumed(
            kind=one["kind"], name=one["name"], detail=one["detail"], line=place(one["line"]),
            code=code_at(one["line"]), via=place(one["via"]), count=one["count"],
            varies=one["varies"],
        )
        for one in found
    )  # fmt: skip


def code_at(line: Line | None) -> str:
    """A line's text, without its indentation."""
    return linecache.getline(line[0], line[1]).strip() if line else ""


def steps_of(analysis: Analysis) -> tuple[RunStep, ...]:
    """Each step, in order; what came before the first is in none."""
    history = analysis.history
    spans: dict[int, list[PhaseSpan]] = {}
    for span in analysis.spans:
        number = span.call if analysis.by_call else span.step
        if number > 0:
            spans.setdefault(number, []).append(span)
    found = []
    for number, parts in spans.items():
        peaks: Counter[str] = Counter()
        reserved = 0
        for span in parts:
            # The first event of the next span is after a mark; a span may have no event at all.
            first, last = max(span.first - 1, 0), span.last
            phase = public_phase(span.phase)
            peaks[phase] = max(peaks[phase], max(history.allocated[first:last], default=0))
            reserved = max(reserved, max(history.reserved[first:last], default=0))
        phase = max(peaks, key=lambda name: peaks[name])
        found.append(
            RunStep(
                step=number,
                peak_allocated_bytes=peaks[phase],
                peak_reserved_bytes=reserved,
                process_bytes=reserved + analysis.beside_bytes,
                peak_phase=phase,
                phase_peaks=dict(peaks),
                phases=_after(history, parts),
            )
        )
    return tuple(found)


def _after(history: History, parts: Sequence[PhaseSpan]) -> dict[str, int]:
    """What was allocated when each phase of a step had ended for the last time."""
    found = {}
    for name, phases in _AFTER.items():
        last = [span.last for span in parts if span.phase in phases]
        if last:
            found[name] = history.allocated[last[-1] - 1] if last[-1] else 0
    return found


def phases_of(analysis: Analysis, steps: Sequence[RunStep]) -> dict[str, int]:
    """`MemoryTotals.phases` of the last step that has all, and what the model took alone."""
    found: dict[str, int] = {}
    forward = next((s.first for s in analysis.spans if s.phase in ("forward", "backward")), None)
    if forward is not None:
        found["after_model"] = sum(
            block.bytes
            for block, origin in zip(analysis.history.blocks, analysis.origins, strict=True)
            if block.born < forward
            and (block.freed is None or block.freed >= forward)
            and origin.category != "inputs"
        )
    whole = max(steps, key=lambda step: (len(step.phases), step.step), default=None)
    return found | dict(whole.phases) if whole else found


def failures_of(analysis: Analysis, rank: int, *, ended_by_it: bool) -> list[OutOfMemory]:
    """Each time that the card had no memory; the last was not caught where it ended the script."""
    history = analysis.history
    events = [n for n, event in enumerate(history.events) if event["action"] == "oom"]
    found = []
    for number, place in enumerate(events):
        event = history.events[place]
        row = analysis.marked.row(place)
        line = failed_line(analysis, place, row)
        free = event.get("device_free", 0)
        found.append(
            OutOfMemory(
                rank=rank,
                step=row.call if analysis.by_call else row.step,
                phase=public_phase(row.phase),
                layer=layer_of(analysis, row),
                line=f"{os.path.basename(line[0])}:{line[1]}" if line else "",
                code=code_at(line),
                requested_bytes=event["size"],
                allocated_bytes=history.allocated[place],
                reserved_bytes=history.reserved[place],
                free_bytes=free,
                shortfall_bytes=max(event["size"] - free, 0),
                caught=not (ended_by_it and number == len(events) - 1),
            )
        )
    return found


def failed_line(analysis: Analysis, event: int, row: MarkRow) -> Line | None:
    """The user's line that an event was in."""
    for frame in analysis.history.events[event].get("frames") or ():
        if analysis.user_code.owner(frame["filename"]) == "user":
            return frame["filename"], frame["line"], frame["name"]
    lines: Sequence[Line] = analysis.observed["lines"]
    return lines[row.line] if row.line >= 0 else None


def layer_of(analysis: Analysis, row: MarkRow) -> str:
    """The path of a mark's layer; empty where it is in none."""
    return layer_names(analysis.observed["layers"])[row.layer] if row.layer >= 0 else ""


def public_phase(phase: str) -> str:
    """A phase as the result names it: what is computed again in backward is part of it."""
    return "backward" if phase == "recompute" else phase
