"""Drives a step: the one loop that recordings, measurements and emulated runs share.

When an object dies decides how many bytes are free for the next one. So the order of these lines,
down to where a name is bound again, is what is predicted, and must be what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nincost._models.inputs import ModelInput
from nincost._step.library_calls import LibraryCalls
from nincost._step.loss import make_target, output_tensor, own_loss, take_loss
from nincost._step.step_observer import StepObserver
from nincost._step.step_options import Step
from nincost._step.updates import Updates


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
    updates = Updates(step, module, calls, observer)
    output: Any = None
    loss: Tensor | None = None
    for number in range(1, step.steps + 1):
        observer.step_begins(number)
        for part in range(step.grad_accumulation):
            if part == 0 and step.zero_grad_before_forward:
                updates.zero_grad(number)
            observer.phase_begins("forward", number)
            with calls.precision(step), calls.saving(step):
                with observer.operators():
                    output = forward(*inputs.args, **inputs.kwargs)
                if target is None and number == 1 and part == 0:
                    target = _target(step, output, observer)
                observer.phase_begins("loss", number)
                with observer.operators():
                    loss = take_loss(step.loss, output, target)
            observer.forward_ended()
            if part == 0 and not step.zero_grad_before_forward:
                updates.zero_grad(number)
            root = loss
            if updates.scaler is not None and loss.requires_grad:
                with observer.operators():
                    root = updates.scaler.scale(loss)
            observer.phase_begins("backward", number)
            if loss.requires_grad:
                # Anomaly mode would look at the gradients' values.
                with torch.autograd.set_detect_anomaly(False), observer.operators():
                    root.backward()  # type: ignore[no-untyped-call]
            del root
            updates.backward_ended()
        updates.step(number)
        observer.phase_begins("end", number)
        if not step.hold_output:
            del output, loss
            output = loss = None
    observer.steps_ended()
    updates.remove()


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
