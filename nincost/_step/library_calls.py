"""How a step calls torch's optimizers, scalers and autocast: as a script does, or recorded.

A script's calls are what a real device gets. A recording makes the same ones without the wrappers
that import torch's compiler, and lets tensors on meta pass for the device's.
"""

from __future__ import annotations

import contextlib
import inspect
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from nincost._devices.target import Target
from nincost._step.offloading import save_on_cpu
from nincost._step.optimizer import make_optimizer
from nincost._step.paged_optimizer import page_on_meta
from nincost._step.step_options import Step
from nincost._step.weight_average import WeightAverage
from nincost._torch.updates import taking_meta, without_compiler


class LibraryCalls(Protocol):
    """What `run_steps` calls of torch besides the model's own operators."""

    def precision(self, step: Step) -> contextlib.AbstractContextManager[Any]:
        """The autocast that forward and loss run in; nothing without `step.amp`."""
        ...

    def make_optimizer(
        self, step: Step, parameters: list[nn.Parameter], module: nn.Module
    ) -> torch.optim.Optimizer: ...

    def make_scaler(self, step: Step) -> torch.amp.GradScaler | None: ...

    def make_average(self, step: Step, module: nn.Module) -> WeightAverage | None:
        """The average of the weights that is kept beside them, where the step has one."""
        ...

    def saving(self, step: Step) -> contextlib.AbstractContextManager[Any]:
        """Where forward keeps what backward needs, around forward and loss."""
        ...

    def zero_grad(self, step: Step, optimizer: torch.optim.Optimizer) -> None: ...

    def update(
        self,
        step: Step,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler | None,
        parameters: list[nn.Parameter],
    ) -> None:
        """The optimizer's step and what stands before it: gradients unscaled and clipped."""
        ...


@dataclass(frozen=True, slots=True)
class ScriptCalls:
    """As a training script calls them, with tensors on `device`."""

    device: torch.device

    def precision(self, step: Step) -> contextlib.AbstractContextManager[Any]:
        return precision(step, self.device.type)

    def make_optimizer(
        self, step: Step, parameters: list[nn.Parameter], module: nn.Module
    ) -> torch.optim.Optimizer:
        return make_optimizer(step, parameters, step.optimizer_impl or "", module)

    def make_scaler(self, step: Step) -> torch.amp.GradScaler | None:
        return torch.amp.GradScaler(self.device.type) if step.scales_gradients else None

    def make_average(self, step: Step, module: nn.Module) -> WeightAverage | None:
        return WeightAverage(step.ema, module, on_meta=False) if step.ema else None

    def saving(self, step: Step) -> contextlib.AbstractContextManager[Any]:
        return save_on_cpu(step.offload_activations, on_meta=False)

    def zero_grad(self, step: Step, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad(set_to_none=step.grad_set_to_none)

    def update(
        self,
        step: Step,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler | None,
        parameters: list[nn.Parameter],
    ) -> None:
        if step.clip_grad_norm is not None:
            if scaler is not None:
                scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(parameters, step.clip_grad_norm)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()


@dataclass(frozen=True, slots=True)
class RecordedCalls:
    """As a recording calls them for `target`, with tensors on meta or on the CPU.

    On meta nothing is ever found infinite, so that no step is left out. A step hook that the
    program has set for all optimizers does not run.
    """

    target: Target
    on_meta: bool

    def precision(self, step: Step) -> contextlib.AbstractContextManager[Any]:
        return precision(step, self.target.device)

    def make_optimizer(
        self, step: Step, parameters: list[nn.Parameter], module: nn.Module
    ) -> torch.optim.Optimizer:
        # What the device would pick is given outright: on meta torch picks the loop by itself.
        picked = step.optimizer_impl or self.target.optimizer_impl
        with taking_meta("fused"), without_compiler():
            optimizer = make_optimizer(step, parameters, picked, module)
        if self.on_meta:
            page_on_meta(optimizer)
        return optimizer

    def make_scaler(self, step: Step) -> torch.amp.GradScaler | None:
        device = "meta" if self.on_meta else "cpu"
        return torch.amp.GradScaler(device) if step.scales_gradients else None

    def make_average(self, step: Step, module: nn.Module) -> WeightAverage | None:
        return WeightAverage(step.ema, module, on_meta=self.on_meta) if step.ema else None

    def saving(self, step: Step) -> contextlib.AbstractContextManager[Any]:
        return save_on_cpu(step.offload_activations, on_meta=self.on_meta)

    def zero_grad(self, step: Step, optimizer: torch.optim.Optimizer) -> None:
        with without_compiler():
            optimizer.zero_grad(set_to_none=step.grad_set_to_none)

    def update(
        self,
        step: Step,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler | None,
        parameters: list[nn.Parameter],
    ) -> None:
        if scaler is not None:
            scaler.unscale_(optimizer)
        if step.clip_grad_norm is not None:
            with torch.no_grad(), taking_meta("foreach"), without_compiler():
                torch.nn.utils.clip_grad_norm_(parameters, step.clip_grad_norm)
        # Its wrappers import torch._dynamo (1.5 s) and do no more.
        run: Any = inspect.unwrap(type(optimizer).step)
        with torch.no_grad(), taking_meta("fused"), without_compiler():
            run(optimizer)
        if scaler is not None:
            scaler.update()


def precision(step: Step, device: str) -> contextlib.AbstractContextManager[Any]:
    """The autocast of a step on a type of device; a context that does nothing without `amp`."""
    if step.amp is None:
        return contextlib.nullcontext()
    return torch.autocast(device, dtype=getattr(torch, step.amp))
