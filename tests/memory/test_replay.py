"""Playing steps until they repeat, on timelines written out by hand."""

from __future__ import annotations

from nincost._allocator import ExactAllocator
from nincost._devices.target import Target
from nincost._memory.device_allocations import Alloc, Emptied, Event, Free, Timeline
from nincost._memory.replay import layer_name, simulate
from nincost._trace.recording import Mark

MIB = 1 << 20


def timeline(events: list[Event]) -> Timeline:
    return Timeline(events, ["net", "net.conv", ""], Target(), [])


def alloc(block: int, size: int, category: str = "activations", layer: int = 1) -> Alloc:
    return Alloc(block, size, category, layer, "aten.relu")  # type: ignore[arg-type]


#: A parameter of 2 MiB; in each step an activation of 4 MiB and a gradient of 2 MiB, which lives
#: until the next step's zero_grad.
TWO_STEPS: list[Event] = [
    Mark("model", 0), alloc(1, 2 * MIB, "parameters"),
    Mark("forward", 1), alloc(2, 4 * MIB),
    Mark("zero_grad", 1),
    Mark("backward", 1), alloc(3, 2 * MIB, "gradients"), Free(2),
    Mark("step", 1), Mark("end", 1),
    Mark("forward", 2), alloc(4, 4 * MIB),
    Mark("zero_grad", 2), Free(3),
    Mark("backward", 2), alloc(5, 2 * MIB, "gradients"), Free(4),
    Mark("step", 2), Mark("end", 2),
]  # fmt: skip


def test_the_peak_is_the_largest_sum_and_where_it_was_first_reached():
    simulation = simulate(timeline(TWO_STEPS))
    # First step: 2 + 4 + 2 with the gradient; second: 2 + 4 + 2 already in forward.
    assert simulation.peak == 8 * MIB
    assert simulation.peak_mark == Mark("backward", 1)
    assert simulation.peak_alloc == TWO_STEPS[6]
    assert {held.alloc.category: held.bytes for held in simulation.held_at(simulation.peak_at)} == {
        "parameters": 2 * MIB, "activations": 4 * MIB, "gradients": 2 * MIB,
    }  # fmt: skip


def test_a_step_is_repeated_until_nothing_changes():
    simulation = simulate(timeline(TWO_STEPS))
    assert simulation.settled
    steps = [event.step for event in simulation.events if isinstance(event, Mark)]
    assert max(steps) == simulation.steps == 4  # one repeat of the second suffices; four at least
    repeated = simulation.events[len(TWO_STEPS) :]
    freed = [event.block for event in repeated if isinstance(event, Free)]
    taken = [event.block for event in repeated if isinstance(event, Alloc)]
    # In step 3 the gradient of step 2 goes and its own activation, in step 4 likewise.
    assert freed == [5, taken[0], taken[1], taken[2]]
    assert simulation.after == {
        "after_model": 2 * MIB, "after_backward": 4 * MIB, "after_step": 4 * MIB,
    }  # fmt: skip


def test_what_a_library_keeps_is_taken_once():
    events = list(TWO_STEPS)
    events.insert(3, alloc(9, 3 * MIB, "workspace", layer=-1))
    simulation = simulate(timeline(events))
    assert simulation.settled
    assert sum(isinstance(e, Alloc) and e.category == "workspace" for e in simulation.events) == 1


def test_one_pass_of_inference_repeats_itself():
    events: list[Event] = [
        Mark("model", 0), alloc(1, 2 * MIB, "parameters"),
        Mark("forward", 1), alloc(2, 3 * MIB), alloc(3, 3 * MIB), Free(2),
        Mark("end", 1), Free(3),
    ]  # fmt: skip
    simulation = simulate(timeline(events))
    assert simulation.settled
    assert simulation.after == {"after_model": 2 * MIB, "after_forward": 5 * MIB}


def test_steps_that_do_not_repeat_are_told():
    events = list(TWO_STEPS)
    events[-4] = alloc(5, 3 * MIB, "gradients")  # the second step's gradient is larger
    assert not simulate(timeline([e for e in events if e != Free(4)])).settled


def test_sizes_are_the_allocators():
    simulation = simulate(timeline([Mark("model", 0), alloc(1, 1000, "parameters")]))
    assert (simulation.peak, simulation.requested, simulation.reserved) == (1024, 1000, 2 * MIB)


def test_what_no_layer_did_is_named_after_the_phase():
    layers = ["net", "net.conv", ""]
    assert layer_name(layers, 1, "backward") == "net.conv"
    assert layer_name(layers, -1, "loss") == "[loss]"
    assert layer_name(layers, -1, "step") == layer_name(layers, -1, "zero_grad") == "[optimizer]"


def test_an_emptied_cache_holds_nothing():
    events = [Mark("forward", 1), alloc(1, 20 * MIB), Free(1), Emptied(), alloc(2, 40 * MIB)]
    assert simulate(timeline(events), repeat=False).reserved == 40 * MIB
    kept = [event for event in events if not isinstance(event, Emptied)]
    assert simulate(timeline(kept), repeat=False).reserved == 60 * MIB


def test_an_exact_allocator_rounds_nothing():
    events: list[Event] = [Mark("forward", 1), alloc(1, 3), alloc(2, 5), Free(1), alloc(3, 1)]
    simulation = simulate(timeline(events), ExactAllocator(), repeat=False)
    assert (simulation.peak, simulation.requested, simulation.reserved) == (8, 8, 8)
    assert simulation.events == events
