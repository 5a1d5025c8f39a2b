"""What a step does with gradients: an optimizer behind backward, or one for each weight in it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from nincost._step.library_calls import LibraryCalls
from nincost._step.optimizer import state_tensors
from nincost._step.step_observer import StepObserver
from nincost._step.step_options import Step
from nincost._torch.updates import scaler_state


class Updates:
    """The optimizer of a module, its gradient scaler, and the average that is kept of its weights.

    With `step.optimizer_in_backward` each parameter has an optimizer of its own, which a hook steps
    as soon as backward has the gradient, and drops it, as torchtune and PyTorch's tutorial on the
    optimizer step in backward do it. Then backward's end is that of the updates.

    Attributes:
        trained: the parameters that are trained.
    """

    def __init__(
        self, step: Step, module: nn.Module, calls: LibraryCalls, observer: StepObserver
    ) -> None:
        self.trained = [p for p in module.parameters() if p.requires_grad]
        self._step, self._module, self._calls, self._observer = step, module, calls, observer
        self._average = calls.make_average(step, module)
        in_backward = step.optimizer_in_backward
        one = self.trained and not in_backward
        self._optimizer = calls.make_optimizer(step, self.trained, module) if one else None
        self._each = {
            parameter: calls.make_optimizer(step, [parameter], module)
            for parameter in (self.trained if in_backward else ())
        }
        hooked: list[Any] = list(self._each)
        self._hooks = [
            parameter.register_post_accumulate_grad_hook(self._update) for parameter in hooked
        ]
        self.scaler = calls.make_scaler(step) if self._optimizer is not None else None
        averaged = [] if self._average is None else list(self._average.tensors())
        observer.optimizer_made([*averaged, *self._state()])

    def zero_grad(self, number: int) -> None:
        """Drop the gradients, or fill them with zeros, in step `number`."""
        if self._optimizer is not None:
            self._observer.phase_begins("zero_grad", number)
            with self._observer.operators():
                self._calls.zero_grad(self._step, self._optimizer)

    def backward_ended(self) -> None:
        """Say which gradients there are, or what was updated by now."""
        self._observer.backward_ended([p.grad for p in self.trained if p.grad is not None])
        if self._each:
            self._observer.optimizer_stepped(self._state())

    def step(self, number: int) -> None:
        """Have the optimizer of step `number` update the weights, and then their average."""
        if self._optimizer is not None:
            self._observer.phase_begins("step", number)
            with self._observer.operators():
                self._calls.update(self._step, self._optimizer, self.scaler, self.trained)
            self._observer.optimizer_stepped(self._state())
        elif self._each:  # nothing is left to do
            self._observer.phase_begins("step", number)
        if self._average is not None:
            with self._observer.operators():
                self._average.update(self._module)

    def remove(self) -> None:
        """Take the hooks off."""
        for hook in self._hooks:
            hook.remove()

    def _update(self, parameter: Tensor) -> None:
        assert isinstance(parameter, nn.Parameter)
        assert parameter.grad is not None
        self._observer.backward_ended([parameter.grad])
        optimizer = self._each[parameter]
        self._calls.update(self._step, optimizer, None, [parameter])
        self._calls.zero_grad(self._step, optimizer)

    def _state(self) -> list[Tensor]:
        """The tensors that the optimizers and the gradient scaler keep from step to step."""
        optimizers = self._each.values() if self._optimizer is None else (self._optimizer,)
        kept = [tensor for made in optimizers for tensor in state_tensors(made)]
        return kept if self.scaler is None else [*scaler_state(self.scaler), *kept]
