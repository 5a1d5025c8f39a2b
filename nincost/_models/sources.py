"""From what the user named to a module; `resolve` picks the source by the name's form."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nincost._models import nin
from nincost._models.build import Model, build, unwrap
from nincost._models.libraries import LIBRARIES, LIBRARY_NAMES, torchvision_names
from nincost._models.user_code import from_file, from_module
from nincost.errors import InputError, did_you_mean, printable

if TYPE_CHECKING:
    from torch import nn


def resolve(model: Any, arguments: Mapping[str, Any] | None = None) -> Model:
    """Find and build the model that `model` names, or wrap the `nn.Module` that it is.

    Args:
        model: a name in one of the forms of `nincost profile --help`, or a module.
        arguments: keyword arguments for the factory.

    Raises:
        InputError: a name or an argument that is not known; the nearest known one is named.
        ModelError: the model's own code fails, or its library is not installed.
    """
    from torch import nn

    if not isinstance(arguments, Mapping | None):
        raise InputError(f"arg is {arguments!r}: expected a dict such as {{'num_classes': 10}}")
    arguments = dict(arguments or {})
    if isinstance(model, nn.Module):
        if arguments:
            raise InputError(
                "arg goes with a model's name, but a module is built already: leave it out"
            )
        model = unwrap(model)
        return Model(printable(type(model).__name__), model)
    if not isinstance(model, str):
        raise InputError(
            f"model is {type(model).__name__!r}: expected a name such as 'two-1x1' or an nn.Module"
        )
    if not model.strip():
        raise InputError("the model's name is empty: try two-1x1 or torchvision:resnet50")
    source, _, rest = model.partition(":")
    if model in nin.VARIANTS:
        return _variant(model, arguments)
    if source in LIBRARIES:
        if not rest:
            raise InputError(f"{model!r} names no model: write {source}:{LIBRARY_NAMES[source]}")
        return LIBRARIES[source](rest, arguments)
    if ":" not in model:
        raise InputError(_unknown(model))
    path, _, attribute = model.rpartition(":")
    if path.endswith(".py") or "/" in path:
        return from_file(path, attribute, arguments)
    return from_module(path, attribute, arguments)


def runs_user_code(model: str) -> bool:
    """Whether a name is of a file or module that is imported, which runs its code."""
    return ":" in model and model.partition(":")[0] not in LIBRARIES


def _unknown(name: str) -> str:
    close = did_you_mean(name, nin.VARIANTS)
    if not close and "torchvision" in sys.modules:
        close = did_you_mean(name, torchvision_names())
    return (
        f"unknown model {name!r}: choose a variant ({', '.join(nin.VARIANTS)}) or write "
        f"torchvision:NAME, timm:NAME, hf:PATH, package.module:factory or file.py:Class{close}"
    )


def _variant(name: str, arguments: dict[str, Any]) -> Model:
    variant = nin.get_variant(name)

    def factory(
        in_channels: int | None = None, num_classes: int | None = None, dropout: float = 0.5
    ) -> nn.Module:
        return nin.build_variant(
            variant, in_channels=in_channels, num_classes=num_classes, dropout=dropout
        )

    channels = arguments.get("in_channels", variant.in_channels)
    default = f"{channels}x{variant.image_size}x{variant.image_size}"
    return build(name, factory, arguments, (default,))
