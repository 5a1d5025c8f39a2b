"""From what the user named to a module; `resolve` picks the source by the name's form."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from nincost._canonical_names import plain
from nincost._models import nin
from nincost._models.build import Model, build, compiled_parts, unwrap
from nincost._models.libraries import LIBRARIES, LIBRARY_NAMES, timm_names, torchvision_names
from nincost._models.module_inputs import module_input, usual_loss
from nincost._models.user_code import from_file, from_module
from nincost.errors import InputError, ModelError, did_you_mean, printable

if TYPE_CHECKING:
    from torch import nn


def resolve(
    model: Any, arguments: Mapping[str, Any] | None = None, *, own_step: bool = False
) -> Model:
    """Find and build the model that `model` names, or wrap the `nn.Module` that it is.

    Args:
        model: a name in one of the forms of `nincost profile --help`, or a module.
        arguments: keyword arguments for the factory.
        own_step: whether a training step of the user's will do, whose models it then is.

    Raises:
        InputError: a name or an argument that is not known; the nearest known one is named.
        ModelError: the model's own code fails, or its library is not installed.
    """
    if not isinstance(arguments, Mapping | None):
        raise InputError(f"arg is {arguments!r}: expected a dict such as {{'num_classes': 10}}")
    if isinstance(model, Model):
        return model
    found = _resolve(model, dict(arguments or {}), own_step)
    if found.own_step is not None:
        return found
    default = found.default_input or module_input(found.module)
    return replace(found, default_input=default, loss=usual_loss(found.module))


def _resolve(model: Any, arguments: dict[str, Any], own_step: bool) -> Model:
    from torch import nn

    if isinstance(model, nn.Module):
        if arguments:
            raise InputError(
                "arg goes with a model's name, but a module is built already: leave it out"
            )
        compiled, model = compiled_parts(model), unwrap(model)
        return Model(printable(type(model).__name__), model, compiled=compiled)
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
        return _bare_name(model, arguments)
    path, _, attribute = model.rpartition(":")
    is_file = path.endswith(".py") or "/" in path
    found = (from_file if is_file else from_module)(path, attribute, arguments)
    if found.own_step is not None and not own_step:
        raise InputError(
            f"{found.name} is a training step, which only memory and fit run: name one of its "
            f"models, as {path}:{found.own_step.models[0]}"
        )
    return found


def runs_user_code(model: str) -> bool:
    """Whether a name is of a file or module that is imported, which runs its code."""
    if ":" not in model:
        return model.endswith(".py")  # whose models are listed
    return model.partition(":")[0] not in LIBRARIES


def is_model_name(name: str) -> bool:
    """Whether somebody who types this alone means a model; nothing is built for it."""
    if ":" in name or name.endswith(".py"):
        return True
    known: list[str] = list(nin.VARIANTS)
    for list_names in (torchvision_names, timm_names):
        with contextlib.suppress(ModelError):  # it is not installed
            known += list_names()
    return plain(name) in map(plain, known)


#: Endings of files that hold no model's code, and what to do with each.
_NO_CODE = {
    ".ipynb": "a notebook is not imported: save the model's class in a .py file and give "
    "file.py:Class, or call nincost.profile(model) in the notebook",
    **dict.fromkeys(
        (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".onnx", ".h5"),
        "weights are not needed, and do not say how they are used: give the code that makes the "
        "model, as file.py:Class, or the folder of its transformers config.json as hf:FOLDER",
    ),
}


def _bare_name(name: str, arguments: dict[str, Any]) -> Model:
    """The model of a name without its source: a variant's, torchvision's, else timm's.

    Raises:
        InputError: no source has it; the message says what to write in its place.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix == ".py":
        return from_file(name, "", arguments)  # which lists its models
    if suffix in _NO_CODE:
        raise InputError(f"{name!r} is no model: {_NO_CODE[suffix]}")
    if os.path.exists(name) and "/" in name:
        raise InputError(
            f"{name!r} is no model: give hf:{name} for its transformers config.json, or "
            "file.py:Class"
        )
    variants = {plain(variant): variant for variant in nin.VARIANTS}
    if plain(name) in variants:
        return _variant(variants[plain(name)], arguments)
    known: list[str] = list(nin.VARIANTS)
    for library, list_names in (("torchvision", torchvision_names), ("timm", timm_names)):
        try:
            names = list_names()
        except ModelError:  # it is not installed
            continue
        found = next((one for one in names if plain(one) == plain(name)), None)
        if found is not None:
            return LIBRARIES[library](found, arguments)
        known += names
    if "/" in name:
        raise InputError(
            f"{name!r} looks like a hub's name, and nothing is downloaded: save its config.json in "
            "a folder and give hf:FOLDER"
        )
    raise InputError(
        f"unknown model {name!r}: choose a variant ({', '.join(nin.VARIANTS)}) or write "
        "torchvision:NAME, timm:NAME, hf:PATH, package.module:factory or file.py:Class"
        f"{did_you_mean(name, known)}"
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
