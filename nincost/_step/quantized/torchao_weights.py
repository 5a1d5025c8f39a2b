"""Linear layers whose weights torchao quantizes, each once it is on the device."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from nincost._isolation import logging_from
from nincost._step.option_text.quantize import Quantization
from nincost._torch.loggers import REGISTRATIONS
from nincost.errors import InputError, ModelError, did_you_mean, one_line

#: Where a layer keeps the configuration that it waits to be quantized by.
_WAITS = "_nincost_waits_for_torchao"
_SUFFIX = "Config"


def mark(layers: Iterable[nn.Module], wanted: Quantization) -> None:
    """Have these linear layers wait for the device, where torchao is to quantize their weights.

    Raises:
        InputError: torchao has no such configuration, or that does not take the arguments.
        ModelError: torchao is not installed.
    """
    config = _configuration(wanted)
    for layer in layers:
        setattr(layer, _WAITS, config)
        layer.requires_grad_(False)


def waits(layer: nn.Module) -> bool:
    """Whether torchao is to quantize the layer's weight."""
    return hasattr(layer, _WAITS)


def quantize_placed(layer: nn.Module) -> None:
    """Quantize the weight of a layer that waits, and whose weight is on the device by now.

    As `torchao.quantization.quantize_(model, config, device="cuda")` does for one layer after
    another: the whole weight is there until what it becomes is there, too.

    Raises:
        ModelError: torchao cannot do it there.
    """
    config = getattr(layer, _WAITS)
    delattr(layer, _WAITS)
    try:
        _library().quantize_(layer, config, lambda *_: True)
    except Exception as error:
        raise ModelError(
            f"torchao's {type(config).__name__} cannot be applied ({one_line(error)})"
        ) from error


def place_and_quantize(module: nn.Module, place: Callable[[nn.Module], object]) -> None:
    """Put each layer of a module that waits on the device by `place`, and quantize its weight."""
    for layer in module.modules():
        if waits(layer):
            place(layer)
            quantize_placed(layer)


def _library() -> Any:
    try:
        with logging_from(logging.ERROR, REGISTRATIONS):
            return importlib.import_module("torchao.quantization")
    except ImportError as error:
        raise ModelError(
            "quantize with torchao calls torchao's quantize_, and torchao is not installed: "
            "pip install torchao"
        ) from error


def _configuration(wanted: Quantization) -> Any:
    library = _library()
    known = dict(_configurations(library))
    plain = {_plain(name): kind for name, kind in known.items()}
    kind = plain.get(_plain(wanted.method))
    if kind is None:
        raise InputError(
            f"torchao has no configuration {wanted.method!r}: choose {', '.join(known)}"
            f"{did_you_mean(wanted.method, known)}"
        )
    taken = {field.name: field for field in dataclasses.fields(kind)}
    given: dict[str, Any] = {}
    if "set_inductor_config" in taken:  # which changes the settings of torch's compiler for all
        given["set_inductor_config"] = False
    for name, text in wanted.arguments:
        if name not in taken:
            raise InputError(
                f"torchao's {kind.__name__} takes no {name!r}: it has {', '.join(taken)}"
                f"{did_you_mean(name, taken)}"
            )
        given[name] = _value(library, text, taken[name].default)
    try:
        return kind(**given)
    except Exception as error:
        raise InputError(
            f"torchao's {kind.__name__} does not take these arguments: {one_line(error)}"
        ) from error


def _configurations(library: Any) -> Iterator[tuple[str, Any]]:
    """Those that need no arguments, by name: `int8_weight_only` of `Int8WeightOnlyConfig`."""
    base = importlib.import_module("torchao.core.config").AOBaseConfig
    for name, kind in sorted(vars(library).items()):
        if (
            name.endswith(_SUFFIX)
            and "Weight" in name  # the others name modules and their configurations
            and dataclasses.is_dataclass(kind)
            and issubclass(kind, base)  # type: ignore[arg-type]
            and all(_has_default(field) for field in dataclasses.fields(kind))
        ):
            words = re.findall(r"[A-Z][a-z]*\d*", name.removesuffix(_SUFFIX))
            yield "_".join(words).lower(), kind


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _plain(name: str) -> str:
    """`int8_weight_only`, `Int8WeightOnly` and `Int8WeightOnlyConfig` alike."""
    return name.replace("_", "").lower().removesuffix(_SUFFIX.lower())


def _value(library: Any, text: str, default: Any) -> Any:
    """What a text says: a number, a type of torch's, `PerGroup(32)`, a choice of the default's."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if isinstance(getattr(torch, text, None), torch.dtype):
        return getattr(torch, text)
    if isinstance(default, enum.Enum):
        for choice in type(default):
            if text.lower() in (choice.name.lower(), str(choice.value).lower()):
                return choice
    granularity = re.fullmatch(r"(Per[A-Z]\w*)(?:\((\d+)\))?", text)
    if granularity and hasattr(library, granularity[1]):
        arguments = [int(granularity[2])] if granularity[2] else []
        return getattr(library, granularity[1])(*arguments)
    return text
