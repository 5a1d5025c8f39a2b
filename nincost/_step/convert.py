"""A module and its input in the type and layout that a step says."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nincost._models.inputs import ModelInput, float_dtype, make_input, map_tensors
from nincost._step.step_options import Step
from nincost.errors import InputError


def convert_module(step: Step, module: nn.Module) -> None:
    """Cast a module of ours, and lay its weights out, in place.

    Raises:
        InputError: a weight has five dimensions, for which `torch.channels_last` is no layout.
    """
    if step.dtype:
        module.to(getattr(torch, step.dtype))
    if step.channels_last:
        if any(tensor.dim() == 5 for tensor in module.parameters()):
            raise InputError(
                f"{step.model.name} has weights of five dimensions, which torch.channels_last "
                "does not take: leave channels_last out"
            )
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def inputs_of(step: Step) -> ModelInput:
    """What the step's model is called with, on meta: as given, else the model's own."""
    model = step.model
    given = model.default_input if step.input is None else step.input
    return make_input(given, step.batch_size, float_dtype(model.module))


def convert_input(step: Step, inputs: ModelInput) -> ModelInput:
    """The same arguments, floats cast and images laid out."""

    def convert(tensor: Tensor) -> Tensor:
        if step.dtype and tensor.is_floating_point():
            tensor = tensor.to(getattr(torch, step.dtype))
        if step.channels_last and tensor.dim() == 4:
            tensor = tensor.to(memory_format=torch.channels_last)
        return tensor

    return map_tensors(convert, inputs)
