"""Makes and steps a real `torch.optim` optimizer on meta parameters."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from nincost._step.step import Step
from nincost.errors import InputError, one_line

#: What `lr` is where the class has no default of its own.
_LR = 0.1


def make_optimizer(
    step: Step, parameters: list[nn.Parameter], implementation: str
) -> torch.optim.Optimizer | None:
    """The step's optimizer, or None where no parameter trains.

    `implementation` is what the device would pick, which the optimizer gets outright: on meta
    tensors it would pick the loop by itself.
    """
    if not parameters:
        return None
    kind: Any = getattr(torch.optim, step.optimizer)
    known = inspect.signature(kind.__init__).parameters
    options: dict[str, Any] = dict(step.optimizer_arg)
    if "lr" in known and known["lr"].default is inspect.Parameter.empty:
        options.setdefault("lr", _LR)
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
    try:
        with _fused_on_meta():
            return kind(parameters, **options)  # type: ignore[no-any-return]
    except (TypeError, ValueError, RuntimeError) as error:
        names = [name for name in known if name not in ("self", "params")]
        raise InputError(
            f"optimizer {step.optimizer} does not take {dict(step.optimizer_arg)}: "
            f"{one_line(error)}; its arguments are {', '.join(names)}"
        ) from error


def zero_grad(optimizer: torch.optim.Optimizer, *, set_to_none: bool) -> None:
    """`optimizer.zero_grad`."""
    with without_dynamo():
        optimizer.zero_grad(set_to_none=set_to_none)


def take_step(optimizer: torch.optim.Optimizer) -> None:
    """`optimizer.step()` without its wrappers, which import torch._dynamo (1.5 s) and do no more.

    A step hook that the program has set for all optimizers does not run either.
    """
    wrapped: Any = type(optimizer).step
    run = inspect.unwrap(wrapped)
    with torch.no_grad(), _fused_on_meta():
        run(optimizer)


@contextlib.contextmanager
def without_dynamo() -> Iterator[None]:
    """Let `torch._disable_dynamo`'s wrappers call their function without importing torch._dynamo.

    They keep what they call in an attribute of the function; it is set here and taken away again.
    """
    kind: Any = torch.optim.Optimizer
    wrapped: list[Any] = [kind.add_param_group, kind.zero_grad]
    functions = [inspect.unwrap(function) for function in wrapped]
    name = "__dynamo_disable"
    mine = [f for f in functions if "torch._dynamo" not in sys.modules and not hasattr(f, name)]
    for function in mine:
        setattr(function, name, function)
    try:
        yield
    finally:
        for function in mine:
            delattr(function, name)


@contextlib.contextmanager
def _fused_on_meta() -> Iterator[None]:
    """Let optimizers believe that meta tensors can be updated by a fused kernel, as CUDA's can.

    And that their steps can be captured in a graph.
    """
    replaced = [
        (module, name, getattr(module, name))
        for key, module in list(sys.modules.items())
        if key.startswith("torch.optim.")
        for name in _SUPPORTED
        if hasattr(module, name)
    ]
    for module, name, original in replaced:
        setattr(module, name, _with_meta(original))
    try:
        with without_dynamo():
            yield
    finally:
        for module, name, original in replaced:
            setattr(module, name, original)


#: Functions of torch.optim's modules that list devices.
_SUPPORTED = ("_get_fused_kernels_supported_devices", "_get_capturable_supported_devices")


def _with_meta(function: Callable[..., list[str]]) -> Callable[..., list[str]]:
    return lambda *args, **kwargs: [*function(*args, **kwargs), "meta"]
