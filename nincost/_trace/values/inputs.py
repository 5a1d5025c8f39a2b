"""What a model's arguments hold: the user's example tensors, or what their names say."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nincost._models.inputs import ModelInput, tensors_in
from nincost._trace.values.assumptions import Assumption
from nincost._trace.values.follow import Values


def follow_inputs(values: Values, inputs: ModelInput) -> None:
    """Keep the user's own values; what was described by its shape alone is assumed."""
    if inputs.given:
        tensors = tensors_in((inputs.args, inputs.kwargs))
        for tensor, example in zip(tensors, inputs.given, strict=True):
            values.follow_copy(example, tensor)
        return
    for number, tensor in enumerate(tensors_in(inputs.args)):
        _assume(values, tensor, f"argument {number + 1}")
    for name, tensor in inputs.kwargs.items():
        if isinstance(tensor, Tensor):
            _assume(values, tensor, name)


def _assume(values: Values, tensor: Tensor, name: str) -> None:
    if tensor.is_floating_point() or tensor.is_complex():
        return
    shape, dtype = tensor.shape, tensor.dtype
    detail, make = assumed_content(name, shape, dtype)
    values.set(tensor, make, Assumption("input", name, detail, "", 0, 1))


def assumed_content(
    name: str, shape: torch.Size, dtype: torch.dtype
) -> tuple[str, Callable[[], Tensor]]:
    """In words, and as a tensor on the CPU, what an integer input of this name is taken to hold."""
    if "mask" in name or dtype is torch.bool:
        return "ones", lambda: torch.ones(shape, dtype=dtype, device="cpu")
    if "position" in name and shape:
        return "0, 1, 2, ...", lambda: torch.arange(shape[-1], device="cpu").expand(shape)
    return "zeros", lambda: torch.zeros(shape, dtype=dtype, device="cpu")
