"""Wraps the three places of torch by which a script's steps are known, when it is imported."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from nincost._emulator.imports import when_imported
from nincost._emulator.observe.observer import Observer
from nincost._emulator.values.assumption_counts import find_lines

if TYPE_CHECKING:  # it imports torch
    from nincost._emulator.observe.phases import Phases

#: Entries of the allocator's history that are kept; older ones are lost beyond that.
_MOST_ENTRIES = 1 << 23


def install(observer: Observer) -> None:
    """Have the allocator's history and the hooks start when torch is imported."""

    def start(torch: ModuleType) -> None:
        if torch.version.cuda is not None and observer.is_here:
            _start(torch, observer)

    when_imported("torch", start)


def _start(torch: ModuleType, observer: Observer) -> None:
    # These import torch, which the script has done by now.
    from nincost._emulator.observe.groups import watch_groups
    from nincost._emulator.observe.phases import Phases
    from nincost._torch import observation

    try:
        observation.start_history(
            _MOST_ENTRIES,
            lambda: observer.note(
                "the script records the allocator's history, too: it goes on with nincost's options"
            ),
        )
    except RuntimeError as error:  # another backend of the allocator
        observer.note(f"the allocator keeps no history: {str(error).splitlines()[0]}")
        return
    watch_groups(torch, observer.seen)
    phases = Phases(torch, observer)
    if observer.orders.time:
        _record_launches(observer, phases)
    observer.name_everything = phases.name_everything
    find_lines(observer.user_code, phases.current_line)
    observation.wrap_module_calls(phases.enter, phases.leave)
    observation.wrap_backward(phases.backward_begins, phases.backward_ends)
    observation.wrap_zero_grad(phases.zero_grad)
    observation.watch_out_of_memory(phases.out_of_memory)
    from torch.optim.optimizer import (
        register_optimizer_step_post_hook,
        register_optimizer_step_pre_hook,
    )

    register_optimizer_step_pre_hook(phases.optimizer_begins)
    register_optimizer_step_post_hook(phases.optimizer_ends)


def _record_launches(observer: Observer, phases: Phases) -> None:
    """Have the step after the last one recorded, for its time."""
    from nincost._emulator.observe.launches import LaunchRecorder

    recorder = LaunchRecorder(lambda: (phases.layer, observer.seen.phase))

    def result() -> dict[str, Any]:
        recorder.stop()
        return recorder.result(observer.orders.time, observer.seen.layers)

    observer.record_launches = recorder.start
    observer.launches = result
