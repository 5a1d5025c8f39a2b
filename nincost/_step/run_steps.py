"""Drives a step: the one loop that recordings, measurements and emulated runs share.

When an object dies decides how many bytes are free for the next one. So the order of these lines,
down to where a name is bound again, is what is predicted, and must be what is measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nincost._models.inputs import ModelInput, tensors_in
from nincost._step.library_calls import LibraryCalls
from nincost._step.loss import make_target, output_tensor, own_loss, take_loss
from nincost._step.step_options import Step
from nincost._torch.updates import scaler_state
from nincost._trace.recording import Phase


class StepObserver(Protocol):
    """Who records or measures a step. Methods are called as things happen.

    None may keep a reference to a tensor longer than its call lasts.
    """

    def operators(self) -> contextlib.AbstractContextManager[Any]:
        """Around each part of the step in which operators run."""
        ...

    def optimizer_made(self, state: Iterable[Tensor]) -> None:
        """The optimizer is there, with the state that its constructor makes."""
        ...

    def step_begins(self, number: int) -> None:
        """Step `number` begins, counted from 1."""
        ...

    def phase_begins(self, phase: Phase, number: int) -> None:
        """A phase of step `number` begins; in `end` its output and loss are still alive."""
        ...

    def target_made(self, target: Tensor) -> None:
        """The loss's target was made for the first output; it counts as an input."""
        ...

    def own_loss_found(self) -> None:
        """The model gives its own loss, and no other is taken on top."""
        ...

    def forward_ended(self) -> None:
        """Forward and loss have run: what is alive of their tensors is an activation."""
        ...

    def backward_ended(self, gradients: Iterable[Tensor]) -> None:
        """Backward has run; the gradients of the parameters."""
        ...

    def optimizer_stepped(self, state: Iterable[Tensor]) -> None:
        """The optimizer has stepped; the state that it and a gradient scaler keep."""
        ...

    def cache_held(self, tensors: Iterable[Tensor]) -> None:
        """A model that generates begins a token with these keys and values of those before."""
        ...

    def steps_ended(self) -> None:
        """All steps have run; what dies from now on, dies since nobody goes on."""
        ...


def run_steps(
    step: Step,
    module: nn.Module,
    inputs: ModelInput,
    observer: StepObserver,
    calls: LibraryCalls,
    *,
    forward: Callable[..., Any] | None = None,
    target: Tensor | None = None,
) -> None:
    """Run `step.steps` training steps, or as many forward passes for inference.

    Args:
        step: what to do; its own model and input are not looked at.
        module: in the mode, type and layout that the step says, on its device.
        inputs: its arguments, alike.
        observer: who records or measures.
        calls: how torch's optimizers, scalers and autocast are called.
        forward: what to call in the module's place.
        target: the loss's target; made for the first output where None.
    """
    forward = forward or module
    with torch.set_grad_enabled(not step.inference):
        if step.inference:
            _infer(step, forward, inputs, observer, calls)
        else:
            _train(step, module, forward, inputs, observer, calls, target)


def _infer(
    step: Step,
    forward: Callable[..., Any],
    inputs: ModelInput,
    observer: StepObserver,
    calls: LibraryCalls,
) -> None:
    for number in range(1, step.steps + 1):
        observer.step_begins(number)
        observer.phase_begins("forward", number)
        with calls.precision(step), observer.operators():
            output = forward(*inputs.args, **inputs.kwargs)
        observer.forward_ended()
        observer.phase_begins("end", number)
        del output
    observer.steps_ended()


def _train(
    step: Step,
    module: nn.Module,
    forward: Callable[..., Any],
    inputs: ModelInput,
    observer: StepObserver,
    calls: LibraryCalls,
    target: Tensor | None,
) -> None:
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = calls.make_optimizer(step, trained, module) if trained else None
    scaler = calls.make_scaler(step) if optimizer is not None else None
    observer.optimizer_made(_state(optimizer, None))

    def zero_grad(number: int) -> None:
        if optimizer is not None:
            observer.phase_begins("zero_grad", number)
            with observer.operators():
                calls.zero_grad(step, optimizer)

    output: Any = None
    loss: Tensor | None = None
    for number in range(1, step.steps + 1):
        observer.step_begins(number)
        for part in range(step.grad_accumulation):
            if part == 0 and step.zero_grad_before_forward:
                zero_grad(number)
            observer.phase_begins("forward", number)
            with calls.precision(step):
                with observer.operators():
                    output = forward(*inputs.args, **inputs.kwargs)
                if target is None and number == 1 and part == 0:
                    target = _target(step, output, observer)
                observer.phase_begins("loss", number)
                with observer.operators():
                    loss = take_loss(step.loss, output, target)
            observer.forward_ended()
            if part == 0 and not step.zero_grad_before_forward:
                zero_grad(number)
            root = loss
            if scaler is not None and loss.requires_grad:
                with observer.operators():
                    root = scaler.scale(loss)
            observer.phase_begins("backward", number)
            if loss.requires_grad:
                # Anomaly mode would look at the gradients' values.
                with torch.autograd.set_detect_anomaly(False), observer.operators():
                    root.backward()  # type: ignore[no-untyped-call]
            del root
            observer.backward_ended([p.grad for p in trained if p.grad is not None])
        if optimizer is not None:
            observer.phase_begins("step", number)
            with observer.operators():
                calls.update(step, optimizer, scaler, trained)
            observer.optimizer_stepped(_state(optimizer, scaler))
        observer.phase_begins("end", number)
        if not step.hold_output:
            del output, loss
            output = loss = None
    observer.steps_ended()


def _target(step: Step, output: Any, observer: StepObserver) -> Tensor | None:
    """The loss's target, made for the first output; None where the loss takes none."""
    if not isinstance(step.loss, str):
        return None
    if step.loss in ("cross-entropy", "none") and own_loss(output) is not None:
        observer.own_loss_found()
        return None
    target = make_target(step.loss, output_tensor(output))
    if target is not None:
        observer.target_made(target)
    return target


def _state(optimizer: Any, scaler: Any) -> list[Tensor]:
    """The tensors that an optimizer and a gradient scaler keep from step to step."""
    kept = [] if optimizer is None else tensors_in(list(optimizer.state.values()))
    return kept if scaler is None else [*scaler_state(scaler), *kept]
