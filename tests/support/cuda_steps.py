"""Steps on CUDA as nincost tells them, and CUDA's own choice of operators on fake tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._memory.device_allocations import Alloc, Free, Timeline, device_allocations
from nincost._memory.record import record
from nincost._models.build import Model
from nincost._step.step_options import Step
from nincost._trace.recording import Mark, Ran, Recording
from nincost._trace.records import TensorMeta

A100 = Target(gpu=get_gpu("a100-40gb"))
H100 = Target(gpu=get_gpu("h100"))


class Apply(nn.Module):
    """A linear layer without bias, then a function of its output."""

    def __init__(self, function: Any, size: int = 64) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size, bias=False)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.linear(x))  # type: ignore[no-any-return]


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> TensorMeta:
    """A dense tensor without its data."""
    made = torch.empty(shape, dtype=dtype, device="meta")
    return TensorMeta(made.shape, made.stride(), dtype)


def _squares(output: torch.Tensor) -> torch.Tensor:
    """A loss whose gradient is dense (that of a plain sum is expanded from one number)."""
    return output.square().sum()


def recorded(module: nn.Module, spec: str, batch: int, target: Target, **options: Any) -> Recording:
    options = {"loss": _squares, "steps": 1, **options}
    return record(Step(Model("model", module), input=spec, batch_size=batch, **options), target)


def timeline(
    module: nn.Module, spec: str, batch: int = 8, target: Target = A100, **options: Any
) -> Timeline:
    """One step (its loss the sum of squares unless told otherwise), lowered."""
    return device_allocations(recorded(module, spec, batch, target, **options), target)


def taken(told: Timeline, operator: str, phase: str = "") -> list[int]:
    """Bytes of each allocation of an operator, in order."""
    now, found = "", []
    for event in told.events:
        if isinstance(event, Mark):
            now = event.phase
        elif isinstance(event, Alloc) and event.operator == operator and phase in ("", now):
            found.append(event.bytes)
    return found


def kept(told: Timeline) -> list[Alloc]:
    """What is never given back."""
    freed = {event.block for event in told.events if isinstance(event, Free)}
    return [e for e in told.events if isinstance(e, Alloc) and e.block not in freed]


def operators(recording: Recording, phase: str = "forward") -> list[tuple[str, str]]:
    """Name and first output's type of each operator that is no view."""
    now, found = "", []
    for entry in recording.entries:
        if isinstance(entry, Mark):
            now = entry.phase
        elif isinstance(entry, Ran) and now == phase and entry.signature.outputs:
            kind = str(entry.signature.outputs[0].dtype)
            found.append((entry.signature.name.removeprefix("aten."), kind))
    return found


class _Log(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given, made = (
            [t for t in tree_leaves(value) if isinstance(t, torch.Tensor)]
            for value in (args, result)
        )
        before = {t.untyped_storage()._cdata for t in given}
        fresh = any(t.untyped_storage()._cdata not in before for t in made)
        if made and (fresh or func._schema.is_mutable) and func.namespace == "aten":
            self.seen.append((func._schema.name.removeprefix("aten::"), str(made[0].dtype)))
        return result


def cuda_forward(
    make: Callable[[], nn.Module], shape: tuple[int, ...], amp: torch.dtype | None = None
) -> list[tuple[str, str]]:
    """What a forward pass on fake CUDA tensors runs: torch's own choice, without a GPU."""
    with FakeTensorMode(), torch.device("cuda"):
        module = make()
        given = torch.empty(shape)
        log = _Log()
        if amp is not None:
            torch.set_autocast_dtype("cuda", amp)
        torch.set_autocast_enabled("cuda", amp is not None)
        try:
            with log:
                module(given)
        finally:
            torch.set_autocast_enabled("cuda", False)
            torch.clear_autocast_cache()
            torch.set_autocast_dtype("cuda", torch.float16)
    return log.seen
