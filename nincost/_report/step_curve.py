"""The memory over one step, reduced to as many moments as a chart can show."""

from __future__ import annotations

from nincost._memory.device_allocations import Alloc, Free
from nincost._memory.replay import Simulation, layer_name
from nincost._memory.results import EMULATED_CATEGORIES
from nincost._report.results import Moment, StepCurve
from nincost._trace.recording import CATEGORIES, GENERATION_CATEGORIES, Mark, Phase

#: A script or a step that ran on the emulated GPU has more kinds of memory.
_CATEGORIES = (*GENERATION_CATEGORIES, *EMULATED_CATEGORIES[len(CATEGORIES) :])


def step_curve(simulation: Simulation, most: int = 320) -> StepCurve:
    """The step that the peak is in, in at most `most` moments, the peak among them.

    Each part of the step is shown by its moment with the most bytes, so that no spike is lost.
    """
    moments, phases, peak = _every_moment(simulation)
    count = min(most, len(moments))
    shown: list[Moment] = []
    at_peak = 0
    for column in range(count):
        first, last = column * len(moments) // count, (column + 1) * len(moments) // count
        best = max(range(first, last), key=lambda place: moments[place].bytes)
        if first <= peak < last:
            best, at_peak = peak, len(shown)
        shown.append(moments[best])
    used = [n for n in range(len(_CATEGORIES)) if any(m.sizes[n] for m in shown)]
    return StepCurve(
        categories=tuple(_CATEGORIES[n] for n in used),
        moments=tuple(
            Moment(m.place, m.phase, m.layer, m.operator, m.bytes, tuple(m.sizes[n] for n in used))
            for m in shown
        ),
        peak=at_peak,
        phases=tuple(phases),
        length=len(moments),
    )


def _every_moment(simulation: Simulation) -> tuple[list[Moment], list[tuple[int, str]], int]:
    """The moment after each event of the peak's step, where phases begin, and the peak."""
    wanted = max(simulation.peak_mark.step, 1)
    now: dict[str, int] = dict.fromkeys(_CATEGORIES, 0)
    alive: dict[int, tuple[str, int]] = {}
    moments: list[Moment] = []
    phases: list[tuple[int, str]] = []
    phase: Phase = "model"
    layer = operator = ""
    total = peak = step = 0
    for position, (event, size) in enumerate(zip(simulation.events, simulation.sizes, strict=True)):
        if type(event) is Mark:
            if event.step > wanted:
                break
            step, phase = event.step, event.phase
            layer = operator = ""
            # A first step has the placing of the model in the picture, too.
            if wanted in (step, 1) and (not phases or phases[-1][1] != phase):
                phases.append((len(moments), phase))
        elif type(event) is Alloc:
            alive[event.block] = (event.category, size)
            now[event.category] += size
            total += size
            layer, operator = layer_name(simulation.layers, event.layer, phase), event.operator
        elif type(event) is Free:
            category, freed = alive.pop(event.block)
            now[category] -= freed
            total -= freed
        if wanted in (step, 1):
            if position == simulation.peak_at:
                peak = len(moments)
            sizes = tuple(now.values())
            moments.append(Moment(len(moments), phase, layer, operator, total, sizes))
    return moments, phases, peak
