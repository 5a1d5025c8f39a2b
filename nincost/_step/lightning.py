"""A LightningModule's own training step and optimizer, without its Trainer."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from nincost._models.build import Model
from nincost._step.option_checks import OWN_OPTIMIZER
from nincost.errors import InputError, one_line


def has_training_step(module: nn.Module) -> bool:
    """Whether a module is a LightningModule that says how it is trained."""
    bases = [kind for kind in type(module).__mro__ if kind.__name__ == "LightningModule"]
    step = getattr(type(module), "training_step", None)
    return bool(bases) and step is not None and step is not vars(bases[-1]).get("training_step")


def with_training_step(model: Model) -> Model:
    """The model to be trained by its own training step, its own loss and its own optimizer."""
    return replace(model, training_step=True, loss="none", optimizer=OWN_OPTIMIZER)


def batch_input(model: Model) -> tuple[tuple[str, ...], str]:
    """The batch that `example_input_array` suggests, and what of it is assumed; else none.

    An example is the model's argument; a batch has a class number for each beside it.
    """
    specs = model.default_input
    if not specs or any("=" in spec for spec in specs):
        return specs, ""
    return (*specs, "batch:int64"), (
        "a batch is the example input and a class number for each, as assumed: give all of it with "
        "--input otherwise"
    )


def call_training_step(module: nn.Module) -> None:
    """Have a call of a module of ours run its training step on the call's arguments.

    A batch is what a loader gives: a tuple of several arguments, one alone as it is, named ones as
    a dict. The Trainer's part is left out: `self.log` does nothing without one.
    """
    lightning: Any = module
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    for part in module.modules():
        if hasattr(part, "_device"):  # what `self.device` says, which only `.to()` would change
            part.__dict__["_device"] = device
    forward, inside = module.forward, False
    with_number = len(inspect.signature(lightning.training_step).parameters) > 1

    def step_or_forward(*args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        if inside:  # the step calls its module
            return forward(*args, **kwargs)
        batch = kwargs or (args if len(args) > 1 else args[0])
        inside = True
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=r"You are trying to `self\.log\(\)`")
                return lightning.training_step(*((batch, 0) if with_number else (batch,)))
        except RuntimeError as error:
            if "Trainer" in str(error):
                raise _needs_trainer(module, "training_step", error) from error
            raise
        finally:
            inside = False

    module.__dict__["forward"] = step_or_forward


def own_optimizer(module: nn.Module, implementation: str) -> torch.optim.Optimizer:
    """The one optimizer of a module's `configure_optimizers`.

    Args:
        module: the LightningModule.
        implementation: `for-loop` or `foreach` for groups that do not say it; empty for what torch
            picks.

    Raises:
        InputError: it has none or several, or asks its Trainer.
    """
    configure = getattr(module, OWN_OPTIMIZER, None)
    if configure is None:
        raise InputError(
            f"optimizer is {OWN_OPTIMIZER}, which {type(module).__name__} has not: name a class, "
            "such as AdamW"
        )
    try:
        found = configure()
    except RuntimeError as error:
        raise _needs_trainer(module, OWN_OPTIMIZER, error) from error
    optimizers = _optimizers(found)
    if len(optimizers) != 1:
        raise InputError(
            f"{type(module).__name__}.{OWN_OPTIMIZER} gives {len(optimizers) or 'no'} optimizers: "
            "expected one. Name a class with --optimizer, write the step as a function of your own "
            "(nincost memory file.py:step), or have the script run by nincost run"
        )
    optimizer = optimizers[0]
    for group in optimizer.param_groups if implementation else ():
        if group.get("foreach", 0) is None and not group.get("fused"):
            group["foreach"] = implementation == "foreach" and not group.get("differentiable")
    return optimizer


def _optimizers(found: Any) -> list[torch.optim.Optimizer]:
    """The optimizers in what Lightning lets `configure_optimizers` return."""
    if isinstance(found, torch.optim.Optimizer):
        return [found]
    if isinstance(found, dict):
        return _optimizers(found.get("optimizer"))
    if isinstance(found, list | tuple):
        if len(found) == 2 and all(isinstance(part, list | tuple) for part in found):
            found = found[0]  # and schedulers
        return [one for part in found for one in _optimizers(part)]
    return []


def _needs_trainer(module: nn.Module, what: str, error: Exception) -> InputError:
    return InputError(
        f"{type(module).__name__}.{what} needs its Trainer ({one_line(error)}): give --loss or "
        "--optimizer in its place, or have the script run by nincost run"
    )
