"""A step of one's own: a function that trains models with optimizers, in any order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from nincost._models.build import Model, unwrap
from nincost.errors import InputError, printable

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


@dataclass(frozen=True, slots=True)
class OwnStep:
    """A function of the user's that does forward, loss, backward and optimizers' steps.

    Attributes:
        function: called with the models, the optimizers and the inputs: by name where `by_name`,
            else in this order.
        models: names of the models, which are the children of the `Model`'s module.
        optimizers: the user's, by name; they hold the parameters of the user's models.
        by_name: whether models and optimizers are passed by name.
    """

    function: Callable[..., Any]
    models: tuple[str, ...]
    optimizers: Mapping[str, Optimizer]
    by_name: bool

    @property
    def words(self) -> dict[str, Any]:
        """What a result says of it, as plain values."""
        return {
            "function": name_of(self.function),
            "models": list(self.models),
            "optimizers": {name: type(one).__name__ for name, one in self.optimizers.items()},
        }


def own_step_model(
    function: Any,
    models: Mapping[str, nn.Module] | Sequence[nn.Module] | nn.Module | None,
    optimizers: Mapping[str, Optimizer] | Sequence[Optimizer] | Optimizer | None = None,
    *,
    name: str = "",
) -> Model:
    """The models of a step as the children of one module, with the step.

    Args:
        function: the step.
        models: modules by the names of the function's parameters, or in their order.
        optimizers: alike; none for a step that trains nothing.
        name: how results call it; the function's name where empty.

    Raises:
        InputError: something else was given, a name that a module cannot have, or an optimizer of
            parameters that no model has.
    """
    from torch import nn
    from torch.optim import Optimizer

    if not callable(function) or isinstance(function, nn.Module):
        raise InputError(
            f"step is {type(function).__name__!r}: expected a function that does forward, loss, "
            "backward and the optimizers' steps"
        )
    by_name = isinstance(models, Mapping)
    if optimizers is not None and isinstance(optimizers, Mapping) is not by_name:
        raise InputError(
            "models and optimizers are given in two ways: give both by name (dicts), and the step "
            "gets them by name, or both in order"
        )
    parameters = [*inspect.signature(function).parameters]
    named_models = _named(models, nn.Module, "models", parameters)
    if not named_models:
        raise InputError("models is empty: give the modules that the step trains or runs")
    named_optimizers = _named(optimizers, Optimizer, "optimizers", parameters[len(named_models) :])
    root = nn.Module()
    for child, model in named_models.items():
        try:
            root.add_module(child, unwrap(model))
        except (KeyError, TypeError) as error:
            raise InputError(
                f"a model cannot be called {child!r}: give models another name"
            ) from error
    known = {id(parameter) for parameter in root.parameters()}
    for key, optimizer in named_optimizers.items():
        held = [p for group in optimizer.param_groups for p in group["params"]]
        if any(id(parameter) not in known for parameter in held):
            raise InputError(
                f"optimizer {key!r} holds parameters of none of the models "
                f"({', '.join(named_models)}): give their model, too"
            )
    own = OwnStep(function, tuple(named_models), named_optimizers, by_name)
    return Model(name or name_of(function), root, own_step=own)


def step_in_file(found: Any, module: ModuleType, name: str) -> Model | None:
    """The step that a function of a file is, where its parameters name the file's own modules.

    A parameter that names neither a module nor an optimizer of the file is an input.

    Raises:
        InputError: as `own_step_model`, or it trains them without having them as parameters.
    """
    from torch import nn
    from torch.optim import Optimizer

    if not inspect.isfunction(found):
        return None
    values = {key: vars(module)[key] for key in inspect.signature(found).parameters
              if key in vars(module)}  # fmt: skip
    models = {key: value for key, value in values.items() if isinstance(value, nn.Module)}
    if not models:
        _check_globals(found, module, name)
        return None
    optimizers = {key: value for key, value in values.items() if isinstance(value, Optimizer)}
    return own_step_model(found, models, optimizers, name=name)


def _check_globals(found: FunctionType, module: ModuleType, name: str) -> None:
    """Refuse a step that reaches for its file's modules: it would train the real ones."""
    from torch import nn
    from torch.optim import Optimizer

    used = [key for key in dict.fromkeys(found.__code__.co_names) if key in vars(module)]
    models = [key for key in used if isinstance(vars(module)[key], nn.Module)]
    optimizers = [key for key in used if isinstance(vars(module)[key], Optimizer)]
    if models and optimizers:
        own = inspect.signature(found).parameters
        names = ", ".join([*models, *optimizers, *own])
        raise InputError(
            f"{name} trains {', '.join(models)} of its file directly: a step gets copies of its "
            "models and optimizers, as arguments of the same names: write "
            f"def {name_of(found)}({names})"
        )


def name_of(function: Callable[..., Any]) -> str:
    """`train.step`'s name, or what it is where it has none."""
    return printable(getattr(function, "__name__", type(function).__name__))


def _named(given: Any, kind: type, what: str, parameters: Sequence[str]) -> dict[str, Any]:
    """Objects of a kind by their names: as given, or the function's parameters in order."""
    if given is None:
        return {}
    if isinstance(given, kind):
        given = [given]
    if isinstance(given, Mapping):
        found = dict(given)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        names = [*parameters[: len(given)]]
        names += [f"{what[:-1]}{number}" for number in range(len(names), len(given))]
        found = dict(zip(names, given, strict=True))
    else:
        found = {what: given}
    for key, one in found.items():
        if not isinstance(one, kind) or not isinstance(key, str):
            raise InputError(
                f"{what} holds {type(one).__name__!r}: expected {kind.__name__}s in a list, or a "
                "dict of them by the names of the step's parameters"
            )
    return found
