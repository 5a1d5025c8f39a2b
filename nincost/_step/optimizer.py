"""Makes the `torch.optim` optimizer that a step names."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from nincost._models.inputs import tensors_in
from nincost._models.made_of_tensors import parts_of
from nincost._models.user_code import callable_named
from nincost._step.lightning import own_optimizer
from nincost._step.option_checks import OWN_OPTIMIZER
from nincost._step.step_options import Step
from nincost.errors import InputError, one_line

#: What `lr` is where the class has no default of its own.
_LR = 0.1


def make_optimizer(
    step: Step,
    parameters: list[nn.Parameter],
    implementation: str,
    module: nn.Module | None = None,
) -> torch.optim.Optimizer:
    """The step's optimizer of these parameters, at least one, or the module's own.

    Raises:
        InputError: as `optimizer_class`, or the class does not take the arguments.
    """
    if step.optimizer == OWN_OPTIMIZER:
        assert module is not None
        return own_optimizer(module, implementation)
    kind, options = optimizer_class(step, implementation)
    try:
        return kind(parameters, **options)  # type: ignore[no-any-return]
    except (TypeError, ValueError, RuntimeError) as error:
        names = [
            n for n in inspect.signature(kind.__init__).parameters if n not in ("self", "params")
        ]
        raise InputError(
            f"optimizer {step.optimizer} does not take {dict(step.optimizer_arg)}: "
            f"{one_line(error)}; its arguments are {', '.join(names)}"
        ) from error


def optimizer_class(step: Step, implementation: str) -> tuple[Any, dict[str, Any]]:
    """The class that a step names, and the arguments that it gets beside the parameters.

    Args:
        step: says its class and arguments.
        implementation: `for-loop`, `foreach` or `fused`; empty for what torch picks.

    Raises:
        InputError: the class has no such implementation.
    """
    name = step.optimizer
    kind: Any = callable_named(name) if ":" in name else getattr(torch.optim, name)
    known = inspect.signature(kind.__init__).parameters
    options: dict[str, Any] = dict(step.optimizer_arg)
    if "lr" in known and known["lr"].default is inspect.Parameter.empty:
        options.setdefault("lr", _LR)
    if any(options.get(name) for name in ("foreach", "fused")):
        implementation = ""  # its arguments say it
    for name in ("foreach", "fused"):
        if implementation == name and name not in options:
            if name in known:
                options[name] = True
            elif step.optimizer_impl == name:
                raise InputError(
                    f"optimizer {step.optimizer} has no {name} implementation: leave "
                    "optimizer_impl out, or choose for-loop"
                )
    if "foreach" in known and implementation == "for-loop":
        options.setdefault("foreach", False)
    return kind, options


def state_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The tensors that an optimizer keeps from step to step, in order.

    One that is a subclass made of others, as torchao's state of 8 bits is, counts by these.
    """
    kept = tensors_in(list(optimizer.state.values()))
    return [part for tensor in kept for part in parts_of(tensor)]
