"""The step's curve against the events counted one by one."""

from __future__ import annotations

import pytest

import nincost
from nincost._memory.device_allocations import Alloc, Free
from nincost._report.step_curve import step_curve
from nincost._trace.recording import Mark


def brute_force(simulation) -> tuple[int, list[int]]:
    """Bytes after each event of the peak's step, counted without categories, and the peak's."""
    held: dict[int, int] = {}
    after: list[int] = []
    steps: list[int] = []
    step = 0
    for event, size in zip(simulation.events, simulation.sizes, strict=True):
        if type(event) is Mark:
            step = event.step
        if type(event) is Alloc:
            held[event.block] = size
        elif type(event) is Free:
            del held[event.block]
        after.append(sum(held.values()))
        steps.append(step)
    wanted = steps[simulation.peak_at]
    shown = [size for size, step in zip(after, steps, strict=True) if step == wanted]
    return after[simulation.peak_at], shown


@pytest.mark.parametrize("most", [5, 40, 100_000])
@pytest.mark.parametrize("batch_size", [2, 64])
def test_every_stretch_shows_its_fullest_moment(batch_size: int, most: int) -> None:
    memory = nincost.memory("zero-1x1", batch_size=batch_size, measure=False, optimizer="Adam")
    assert memory.history is not None
    curve = step_curve(memory.history, most)
    peak, sizes = brute_force(memory.history)
    assert curve.moments[curve.peak].bytes == peak == memory.totals.peak_allocated_bytes
    assert curve.moments[curve.peak].layer == memory.totals.peak_layer
    assert curve.moments[curve.peak].operator == memory.totals.peak_op
    assert len(curve.moments) == min(most, curve.length)
    assert all(sum(moment.sizes) == moment.bytes for moment in curve.moments)
    # Marks are events that the curve has none of, and the first step has the model's placing too.
    assert set(sizes) <= {m.bytes for m in step_curve(memory.history, 10**6).moments}
    assert [m.place for m in curve.moments] == sorted({m.place for m in curve.moments})
    at_peak = dict(zip(curve.categories, curve.moments[curve.peak].sizes, strict=True))
    there = {key: size for key, size in memory.totals.categories_at_peak.items() if size}
    assert {key: size for key, size in at_peak.items() if size} == there


def test_phases_begin_in_the_order_of_a_step() -> None:
    memory = nincost.memory("zero-1x1", batch_size=2, measure=False)
    assert memory.history is not None
    curve = step_curve(memory.history)
    names = [phase for _, phase in curve.phases]
    order = [name for name in ("forward", "loss", "backward", "step") if name in names]
    assert [name for name in names if name in order] == order
    assert [place for place, _ in curve.phases] == sorted(place for place, _ in curve.phases)
