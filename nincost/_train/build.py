"""The network that is trained: found, made with real weights, tried once, and initialized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from nincost._models.build import Model
from nincost._models.copies import copy_with_weights
from nincost._models.inputs import parse_spec
from nincost._models.sources import resolve
from nincost._step.loss import output_tensor
from nincost._train.seeds import derive, seed_all
from nincost._train.settings import TEXTBOOK_SIDE, Settings
from nincost.errors import InputError, ModelError, NincostError, described, place_of


def find(model: Any, arg: Mapping[str, Any] | None) -> Model:
    """The model that `model` names or is.

    Raises:
        InputError: there is none, or a module has no values to begin with.
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
    """Side and channels of the images that the model gets.

    What is not given is as the model's source says its input is; else as the textbook has it.
    """
    sizes: tuple[int, ...] = ()
    if len(found.default_input) == 1:
        sizes = parse_spec(found.default_input[0], 1).shape[1:]
    if len(sizes) != 3:
        sizes = (1, TEXTBOOK_SIDE, TEXTBOOK_SIDE)
    return (sizes[-1] if resize is None else resize), (sizes[0] if channels is None else channels)


def make_module(found: Model, settings: Settings, device: torch.device, classes: int) -> nn.Module:
    """A network of its own on the device; its weights follow from the settings' seed.

    A module that was given keeps its weights unless `xavier` was asked for.

    Raises:
        InputError: it does not take the images, or gives no score for each class.
        ModelError: it fails for a reason of its own.
    """
    if found.rebuild is not None:
        module = found.rebuild(derive("weights", settings.seed) % 2**32)
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
    """Glorot and Bengio's uniform distribution for weights of convolutions and linear layers.

    The weights lie evenly within +-sqrt(6 / (fan_in + fan_out)). Drawn on the CPU, so that each
    device begins with the same; biases stay as they are, as in the textbook.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | _ConvNd):
            drawn = torch.empty(layer.weight.shape, dtype=torch.float32)
            nn.init.xavier_uniform_(drawn)
            with torch.no_grad():
                layer.weight.copy_(drawn)


def _try(
    found: Model, module: nn.Module, settings: Settings, device: torch.device, classes: int
) -> None:
    """Run two images through: lazy layers get their shapes, and what does not fit is told."""
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
            f"{found.name} gives {'x'.join(map(str, scores.shape))} for 2 images: expected 2 rows "
            f"of at least {classes} scores, one for each class; give --arg num_classes={classes} "
            "where the model takes it"
        )


def _explained(found: Model, spec: str, error: Exception) -> NincostError:
    """What nincost's own trace says of the failure, or else the error itself."""
    from nincost._trace.run import trace

    try:
        trace(found, spec)
    except NincostError as explained:
        return type(explained)(f"{explained}; --resize and --channels choose the images")
    return ModelError(
        f"{found.name} failed on 2 images of {spec}: {described(error)}{place_of(error)}; "
        "--resize and --channels choose the images, --device where it runs"
    )
