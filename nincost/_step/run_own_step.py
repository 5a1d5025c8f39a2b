"""Drives a step of one's own, recorded: the user's function, with models and optimizers on meta.

What part of the step runs is seen from outside: where autograd's engine is entered, and where an
optimizer steps. All else is forward.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nincost._models.inputs import ModelInput
from nincost._models.own_step import OwnStep, name_of
from nincost._step.optimizer import state_tensors
from nincost._step.step_observer import StepObserver
from nincost._torch.observation import wrap_backward
from nincost._torch.updates import taking_meta, without_compiler
from nincost.errors import InputError


def run_own_step(
    own: OwnStep,
    originals: nn.Module,
    module: nn.Module,
    inputs: ModelInput,
    observer: StepObserver,
    *,
    steps: int,
    optimizer_impl: str,
) -> None:
    """Call the function `steps` times with copies of its models and optimizers.

    Args:
        own: the step; its optimizers hold parameters of `originals`.
        originals: the user's models, which are left as they are.
        module: their copies.
        inputs: the function's other arguments.
        observer: who records.
        optimizer_impl: how optimizers update that do not say it themselves: `foreach` or
            `for-loop`, as the device would pick.
    """
    phases = _Phases(own, originals, module, observer, optimizer_impl)
    models = {name: getattr(module, name) for name in own.models}
    if own.by_name:
        arguments: tuple[Any, ...] = inputs.args
        named = {**models, **phases.optimizers, **inputs.kwargs}
    else:
        arguments = (*models.values(), *phases.optimizers.values(), *inputs.args)
        named = inputs.kwargs
    _check_call(own, arguments, named)
    observer.optimizer_made(phases.state())
    with phases.watched():
        for number in range(1, steps + 1):
            observer.step_begins(number)
            phases.begin(number)
            with torch.autograd.set_detect_anomaly(False), observer.operators():
                output = own.function(*arguments, **named)
            phases.end()
            del output
            if own.optimizers and not phases.ran_backward:
                raise InputError(
                    f"{name_of(own.function)} has run, and never called backward: expected a step "
                    "that trains; leave its optimizers out where it does not"
                )
    observer.steps_ended()


def _check_call(own: OwnStep, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """Say what the function lacks, before it runs."""
    try:
        inspect.signature(own.function).bind(*arguments, **named)
    except TypeError as error:
        raise InputError(
            f"{name_of(own.function)} cannot be called with its models "
            f"({', '.join(own.models)}), optimizers ({', '.join(own.optimizers) or 'none'}) and "
            f"the input: {error}; give what else it takes as input, such as --input images=3x32x32"
        ) from error


class _Phases:
    """Which part of a step runs, for an observer; and the optimizers, which say when they step."""

    def __init__(
        self,
        own: OwnStep,
        originals: nn.Module,
        module: nn.Module,
        observer: StepObserver,
        optimizer_impl: str,
    ) -> None:
        self._module = module
        self._observer = observer
        self._number = 0
        self.ran_backward = False
        copies = {
            id(original): copy
            for original, copy in zip(originals.parameters(), module.parameters(), strict=True)
        }
        self.optimizers = {
            name: self._copied(optimizer, copies, optimizer_impl)
            for name, optimizer in own.optimizers.items()
        }

    def _copied(
        self,
        optimizer: torch.optim.Optimizer,
        copies: Mapping[int, nn.Parameter],
        optimizer_impl: str,
    ) -> Any:
        """The optimizer with copies of its parameters and no state yet."""
        kind: Any = type(optimizer)
        made = object.__new__(kind)
        made.__dict__.update(optimizer.__dict__)
        made.state = defaultdict(dict)
        made.param_groups = [
            {**group, "params": [copies[id(one)] for one in group["params"]]}
            for group in optimizer.param_groups
        ]
        for group in made.param_groups:
            # On meta torch would pick the loop by itself.
            if group.get("foreach", 0) is None and not group.get("fused"):
                differentiable = group.get("differentiable", False)
                group["foreach"] = optimizer_impl == "foreach" and not differentiable
        # The wrappers of `step` import torch's compiler and do no more than hooks and this mode.
        update = inspect.unwrap(kind.step)
        made.step = functools.partial(self._step, made, update)
        return made

    def _step(self, optimizer: Any, update: Any, *args: Any, **kwargs: Any) -> Any:
        self._observer.phase_begins("step", self._number)
        with torch.no_grad():
            result = update(optimizer, *args, **kwargs)
        self._observer.optimizer_stepped(self.state())
        self._observer.phase_begins("forward", self._number)
        return result

    def state(self) -> list[Tensor]:
        """The tensors that the optimizers keep from step to step."""
        return [
            tensor for optimizer in self.optimizers.values() for tensor in state_tensors(optimizer)
        ]

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Notice each backward until the end; optimizers and clipping work on meta as on CUDA."""
        put_back = wrap_backward(self._backward_begins, self._backward_ended)
        try:
            with taking_meta("fused"), taking_meta("foreach"), without_compiler():
                yield
        finally:
            put_back()

    def begin(self, number: int) -> None:
        self._number = number
        self._observer.phase_begins("forward", number)

    def end(self) -> None:
        # What comes behind the last update is no forward pass: it ends with the step.
        self._observer.phase_begins("step", self._number)
        self._observer.phase_begins("end", self._number)

    def _backward_begins(self) -> bool:
        self.ran_backward = True
        self._observer.forward_ended()
        self._observer.phase_begins("loss", self._number)  # which ends the forward pass
        self._observer.phase_begins("backward", self._number)
        return True

    def _backward_ended(self) -> None:
        self._observer.backward_ended(
            [p.grad for p in self._module.parameters() if p.grad is not None]
        )
        self._observer.phase_begins("forward", self._number)
