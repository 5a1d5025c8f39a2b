"""What an image layer needs of the sizes of its input, and what to write as --input for that.

Layers of images take a batch with its channels in front (`8x3x224x224`). People type an image
without its channels, with them at the end, or with the batch, which is given apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from nincost._torch.modules import CONVOLUTIONS
from nincost._trace.records import ModuleCall, ModuleInfo

_POOLS = ("MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool")


def image_needs(module: nn.Module, shape: tuple[int, ...], specs: Sequence[str]) -> str | None:
    """What a convolution needs of its input's sizes; None where it has them.

    Args:
        module: the convolution.
        shape: its input's sizes.
        specs: the model's input as specs with the batch in front; empty for example tensors.
    """
    image: Any = module
    dims, channels = len(image.kernel_size), image.in_channels
    if is_input(shape, specs):
        if len(shape) == dims + 1:
            return _needs_channels(channels, shape)
        if len(shape) == dims + 3 and shape[2] == channels:
            return (
                "no batch in --input, which stands in front of it: write "
                f"--input {_joined(shape[2:])} --batch-size {max(shape[:2])}"
            )
    if len(shape) not in (dims + 1, dims + 2):
        return f"a batch of {dims}-dimensional images (channels first), {dims + 2} sizes in all"
    if shape[-dims - 1] == channels:
        return None
    if shape[-1] == channels:
        front, sizes = shape[: -dims - 1], shape[-dims - 1 : -1]
        written = f": write --input {_joined((channels, *sizes))}" if is_input(shape, specs) else ""
        return f"channels first, {_joined((*front, channels, *sizes))}{written}"
    return (
        f"{channels} channel{'s' * (channels != 1)}, not {shape[-dims - 1]}: "
        "try another --input, or --arg in_channels if the model takes it"
    )


def without_channels(
    modules: Sequence[ModuleInfo], calls: Sequence[ModuleCall], specs: Sequence[str]
) -> tuple[ModuleInfo, str] | None:
    """The first image layer, if it took a spec's batch for the channels, and what it needs.

    Torch's image layers run a single image of channels, height and width. A spec always has its
    batch in front: one without channels would be run, and a batch reported that is none.
    """
    for call in calls:
        info = modules[call.module]
        dims = _dimensions(info.module)
        if not dims or not call.inputs:
            continue
        shape = tuple(call.inputs[0].shape)
        if len(shape) == dims + 1 and is_input(shape, specs):
            return info, _needs_channels(getattr(info.module, "in_channels", 1), shape)
        return None
    return None


def _needs_channels(channels: int, shape: tuple[int, ...]) -> str:
    return f"channels, too: write --input {_joined((channels, *shape[1:]))}"


def is_input(shape: Sequence[int], specs: Sequence[str]) -> bool:
    """Whether these are the sizes of one of the model's inputs."""
    sizes = _joined(shape)
    return any(spec.rpartition("=")[2].partition(":")[0] == sizes for spec in specs)


def _dimensions(module: nn.Module) -> int:
    """2 for a layer of two-dimensional images; 0 for one of anything else."""
    if isinstance(module, CONVOLUTIONS):
        return len(module.kernel_size)
    name = type(module).__name__
    if name.startswith(_POOLS) and type(module).__module__.startswith("torch.nn."):
        return int(name[-2])
    return 0


def _joined(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
