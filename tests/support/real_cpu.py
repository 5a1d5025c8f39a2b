"""Real training steps on the CPU, and what torch's own profiler says they allocated."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch._C._profiler import _EventType
from torch.profiler import ProfilerActivity, profile


@dataclass(frozen=True)
class Record:
    """Bytes taken (+) and given back (-), in order, but for what copying a module does.

    `marks` has what was allocated each time that the run came to a `mark(name)`, in pieces larger
    than 8 bytes.
    """

    changes: list[int]
    marks: list[tuple[str, int]] = field(default_factory=list)

    @property
    def peak(self) -> int:
        now = peak = 0
        for change in self.changes:
            now += change
            peak = max(peak, now)
        return peak


_MARK = "mark: "


def mark(name: str) -> None:
    """Note in the record what is allocated now."""
    with torch.profiler.record_function(_MARK + name):
        pass


def recorded(run: Callable[[], None]) -> Record:
    """What `run` takes from the CPU's allocator, without oneDNN and NNPACK."""
    with (
        torch.backends.mkldnn.flags(enabled=False),
        torch.backends.nnpack.flags(enabled=False),
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler,
    ):
        run()
    results = profiler.profiler.kineto_results
    record = Record([])
    now = 0
    for change in _changes(results.experimental_event_tree()):
        if isinstance(change, str):
            record.marks.append((change, now))
        else:
            record.changes.append(change)
            now += change if abs(change) > 8 else 0
    return record


class Moved:
    """A copy of a module whose tensors `move` takes anew, in the order of `Module.to(device)`."""

    def __init__(self, module: nn.Module) -> None:
        self._module = copy.deepcopy(module)
        # Held, so that no record has the end of what was there before it.
        self._before = [
            tensor.detach() for tensor in (*self._module.parameters(), *self._module.buffers())
        ]

    def move(self) -> nn.Module:
        """The copy; call it once, within a record."""
        made = set()

        def fresh(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.data_ptr() in made:  # shared, and moved before
                return tensor
            new = tensor.clone()
            made.add(new.data_ptr())
            return new

        return self._module._apply(fresh)


def _changes(events: Any) -> Iterator[int | str]:
    for event in events:
        if event.tag == _EventType.Allocation:
            yield event.extra_fields.alloc_size
        elif event.name.startswith(_MARK):
            yield event.name.removeprefix(_MARK)
        else:
            yield from _changes(event.children)


def train(
    module: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    optimizer: str,
    options: dict[str, Any],
    *,
    steps: int = 3,
    grad_accumulation: int = 1,
) -> Record:
    """Steps on a copy of `module`, as a person would write them."""

    moved = Moved(module)

    def run() -> None:
        model, data, labels = moved.move(), x.clone(), y.clone()
        update = getattr(torch.optim, optimizer)(model.parameters(), **options)

        def step() -> None:
            for part in range(grad_accumulation):
                out = model(data)
                loss = nn.functional.cross_entropy(out, labels)
                if part == 0:
                    update.zero_grad()
                loss.backward()
            update.step()

        for _ in range(steps):
            step()

    return recorded(run)


def infer(module: nn.Module, x: torch.Tensor) -> Record:
    """One forward pass of a copy of `module` in eval mode without gradients."""

    moved = Moved(module)

    def run() -> None:
        model, data = moved.move().eval(), x.clone()
        with torch.no_grad():
            out = model(data)
        del out

    return recorded(run)
