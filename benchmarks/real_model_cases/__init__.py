"""Models and steps of real libraries, built from their configurations, with no weights loaded.

Each module of this package lists cases of some libraries; `load` imports those that are installed.
`predict.py` runs them through nincost and `taken.py` through PyTorch's own CUDA code on the
emulated GPU, each in a process of its own that prints a line of JSON a case.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

#: What a case trains: a module, and its arguments by name or by place.
Made = tuple[nn.Module, dict[str, Any] | tuple[Any, ...]]

MODULES = (
    "handmade", "vision", "transformers_text", "transformers_other", "diffusion", "segmentation",
    "graphs", "other_libraries", "tuning",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A model and its step.

    Attributes:
        name: unique; library: where the model's code is from.
        make: builds the model and its input, with values, on the CPU.
        loss: of the model's output; `first_loss` as a rule.
        options: of `nincost.memory`.
    """

    name: str
    library: str
    make: Callable[[], Made]
    loss: Callable[[Any], Tensor]
    options: Mapping[str, Any] = field(default_factory=dict)


CASES: dict[str, Case] = {}


def first_loss(output: Any) -> Tensor:
    """The loss that a model gives itself, else the mean of its first tensor of numbers."""
    found = output.get("loss") if isinstance(output, dict) else getattr(output, "loss", None)
    if isinstance(found, Tensor):
        return found
    tensor = _first(output)
    assert tensor is not None
    return tensor.float().mean()


def _first(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value if value.is_floating_point() else None
    items = value.values() if isinstance(value, dict) else value
    for item in items if hasattr(items, "__iter__") else vars(items).values():
        found = _first(item) if isinstance(item, Tensor | dict | list | tuple) else None
        if found is not None:
            return found
    return None


def case(
    name: str,
    library: str,
    make: Callable[[], Made],
    *,
    loss: Callable[[Any], Tensor] = first_loss,
    **options: Any,
) -> None:
    """Add a case; trained with AdamW where no other optimizer is named."""
    assert name not in CASES, name
    if not options.get("inference"):
        options.setdefault("optimizer", "AdamW")
    CASES[name] = Case(name, library, make, loss, options)


def load(modules: tuple[str, ...] = MODULES) -> dict[str, str]:
    """Fill `CASES`; gives the modules that could not be imported, and why."""
    missing = {}
    for name in modules:
        try:
            importlib.import_module(f"real_model_cases.{name}")
        except ModuleNotFoundError as error:
            missing[name] = str(error)
    return missing
