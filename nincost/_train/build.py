"""The network that is trained: built with real weights, tried once, and initialized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nincost._devices.tables import meta_operators
from nincost._models.build import Model
from nincost._models.copies import copy_with_weights
from nincost._models.inputs import parse_spec
from nincost._models.sources import resolve
from nincost._step.loss import output_tensor
from nincost._torch.modules import CONVOLUTIONS
from nincost._trace.trace import trace
from nincost._train.seeds import derive_seed, seed_all
from nincost._train.settings import TEXTBOOK_SIDE, TrainSettings
from nincost.errors import InputError, ModelError, NincostError, described, place_of


def find(model: Any, arg: Mapping[str, Any] | None) -> Model:
    """The model that `model` names or is.

    Raises:
        InputError: there is none, or a module's weights are on the meta device.
    """
    found = resolve(model, arg)
    tensors = (*found.module.parameters(), *found.module.buffers())
    if found.rebuild is None and any(tensor.is_meta for tensor in tensors):
        raise InputError(
            f"{found.name} is on the meta device, so there are no weights to begin with: give a "
            "module on the CPU, or a name such as package.module:factory"
        )
    return found


def image_size(found: Model, resize: int | None, channels: int | None) -> tuple[int, int]:
    """Side in pixels and channels of the images that the model is called with.

    Where one is None it is that of the model's default input, else the textbook's.
    """
    sizes: tuple[int, ...] = ()
    if len(found.default_input) == 1:
        sizes = parse_spec(found.default_input[0], 1).shape[1:]
    if len(sizes) != 3:
        sizes = (1, TEXTBOOK_SIDE, TEXTBOOK_SIDE)
    return (sizes[-1] if resize is None else resize), (sizes[0] if channels is None else channels)


def make_module(
    found: Model, settings: TrainSettings, device: torch.device, classes: int
) -> nn.Module:
    """A private network on the device; its weights follow from the settings' seed.

    A module that was passed in keeps its weights unless `init` is `xavier`.

    Raises:
        InputError: it cannot be called with such images, or returns no score for each class.
        ModelError: it fails for a reason of its own.
    """
    if found.rebuild is not None:
        module = found.rebuild(derive_seed("weights", settings.seed) % 2**32)
        module = module if found.owned else copy_with_weights(module)
    else:
        module = copy_with_weights(found.module)
    module.to(device)
    seed_all("lazy", settings.seed)
    _try(found, module, settings, device, classes)
    if settings.init == "xavier":
        seed_all("xavier", settings.seed)
        xavier(module)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise InputError(f"no parameter of {found.name} requires a gradient: nothing would train")
    return module


def xavier(module: nn.Module) -> None:
    """Draw weights of convolutions and linear layers from Glorot and Bengio's uniform distribution.

    U(-a, a) with a = sqrt(6 / (fan_in + fan_out)) (torch.nn.init.xavier_uniform_'s documentation).
    Drawn on the CPU, so that each device begins with the same; biases stay as they are, as in the
    textbook.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, *CONVOLUTIONS)):
            drawn = torch.empty(layer.weight.shape, dtype=torch.float32)
            nn.init.xavier_uniform_(drawn)
            with torch.no_grad():
                layer.weight.copy_(drawn)


def _try(
    found: Model, module: nn.Module, settings: TrainSettings, device: torch.device, classes: int
) -> None:
    """Run two images through, so that lazy layers get their shapes and misfits are reported."""
    side, channels = settings.resize, settings.channels
    module.eval()
    try:
        with torch.no_grad():
            scores = output_tensor(module(torch.zeros(2, channels, side, side, device=device)))
    except NincostError:
        raise
    except Exception as error:
        raise _explained(found, f"{channels}x{side}x{side}", error) from error
    if scores.dim() != 2 or scores.shape[0] != 2 or scores.shape[1] < classes:
        raise InputError(
            f"{found.name} returns {'x'.join(map(str, scores.shape))} for 2 images: expected 2 "
            f"rows of at least {classes} scores, one for each class; give --arg "
            f"num_classes={classes} where the model has that argument"
        )


def _explained(found: Model, spec: str, error: Exception) -> NincostError:
    """The error that nincost's own trace raises for such an input, or else the model's."""
    try:
        trace(found, spec, operators=meta_operators(), on_cpu=True)
    except NincostError as explained:
        return type(explained)(f"{explained}; --resize and --channels choose the images")
    return ModelError(
        f"{found.name} failed on 2 images of {spec}: {described(error)}{place_of(error)}; "
        "--resize and --channels choose the images, --device where it runs"
    )
