"""A run's history in the form that pictures of a step are drawn from: the model engine's events."""

from __future__ import annotations

from typing import Any

from nincost._emulator.analysis import Analysis
from nincost._memory.device_allocations import Alloc, Event, Free
from nincost._memory.replay import Simulation
from nincost._trace.recording import Mark


def simulation(analysis: Analysis) -> Simulation:
    """The events of a rank's history, each block with its category and layer."""
    layers: dict[str, int] = {"": 0}
    events: list[Event] = []
    sizes: list[int] = []
    peak_at = -1
    at: dict[int, list[Any]] = {}
    for number, (block, origin) in enumerate(
        zip(analysis.history.blocks, analysis.origins, strict=True)
    ):
        layer = layers.setdefault(origin.layer, len(layers))
        category: Any = origin.category
        frames = analysis.history.events[block.born].get("frames")
        operator = frames[0]["name"] if frames else ""
        at.setdefault(block.born, []).append(
            (Alloc(number, block.requested, category, layer, operator), block.bytes)
        )
        if block.freed is not None:
            at.setdefault(block.freed, []).append((Free(number), 0))
    before: tuple[str, int] | None = None
    for span in analysis.spans:
        phase: Any = "backward" if span.phase == "recompute" else span.phase
        step = span.call if analysis.by_call else span.step
        if (phase, step) != before:  # what is computed again in backward is no phase of its own
            events.append(Mark(phase, step))
            sizes.append(0)
        before = (phase, step)
        for place in range(span.first, span.last):
            for event, size in at.get(place, ()):
                if place == analysis.peak:
                    peak_at = len(events)
                events.append(event)
                sizes.append(size)
    return Simulation(
        events=events,
        layers=list(layers),
        sizes=sizes,
        peak=analysis.peak_allocated,
        peak_at=peak_at,
        requested=analysis.history.requested_peak,
        reserved=analysis.peak_reserved,
        after={},
        steps=max((span.step for span in analysis.spans), default=0),
        settled=True,
    )
