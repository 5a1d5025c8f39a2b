"""What a model's arguments hold: the user's example tensors, or what their names say."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from nincost._models.input_names import named_tensors
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
    for tensor, name, (detail, make) in assumed_contents(inputs):
        values.set(tensor, make, Assumption("input", name, detail, "", 0, 1))


#: In words, and as a tensor on the CPU, what an input is taken to hold.
Content = tuple[str, Callable[[], Tensor]]


def assumed_contents(inputs: ModelInput) -> Iterator[tuple[Tensor, str, Content]]:
    """The tensors of a call whose content is assumed, with their names, and what it is."""
    named = named_tensors(inputs.args, inputs.kwargs)
    nodes = next((tensor.shape[0] for name, tensor in named if name == "x" and tensor.dim()), 2)
    for name, tensor in named:
        found = assumed_content(name, tensor.shape, tensor.dtype, nodes)
        if found is not None:
            yield tensor, name, found


#: Pixels of a side of each box that is assumed, and how many stand in a row.
_SIDE, _IN_A_ROW = 100, 4


def assumed_content(name: str, shape: torch.Size, dtype: torch.dtype, nodes: int) -> Content | None:
    """What an input of this name is taken to hold; `nodes` are the graph's where it has one.

    None where it is not known: floats, but for the boxes and keypoints of a detector's targets.
    """
    if dtype.is_floating_point or dtype.is_complex:
        if name.endswith("[].boxes") and len(shape) == 2 and shape[1] == 4:
            return "boxes of 100 by 100 pixels, side by side", lambda: _boxes(shape[0]).to(dtype)
        if name.endswith("[].keypoints") and len(shape) == 3 and shape[2] == 3:
            return "in the middle of each box, visible", lambda: _keypoints(shape).to(dtype)
        return None
    if "mask" in name or dtype is torch.bool:
        return "ones", lambda: torch.ones(shape, dtype=dtype, device="cpu")
    if name.endswith("[].labels"):  # of a detector's targets, where 0 is the background
        return "ones", lambda: torch.ones(shape, dtype=dtype, device="cpu")
    if name == "edge_index" and len(shape) == 2:
        return "each node has as many edges, to those behind it", lambda: _edges(shape[1], nodes)
    if "position" in name and shape:
        return "0, 1, 2, ...", lambda: torch.arange(shape[-1], device="cpu").expand(shape)
    return "zeros", lambda: torch.zeros(shape, dtype=dtype, device="cpu")


def _edges(count: int, nodes: int) -> Tensor:
    """From node after node, first to the next, then to the one behind that."""
    number = torch.arange(count)
    start = number % nodes
    distance = 1 + number // nodes % max(nodes - 1, 1)
    return torch.stack([start, (start + distance) % nodes])


def _boxes(count: int) -> Tensor:
    corner = _SIDE * torch.stack(
        [torch.arange(count) % _IN_A_ROW, torch.arange(count) // _IN_A_ROW], dim=1
    )
    return torch.cat([corner, corner + _SIDE], dim=1)


def _keypoints(shape: torch.Size) -> Tensor:
    middle = _boxes(shape[0]).float().view(-1, 1, 2, 2).mean(dim=2)
    visible = torch.ones(shape[0], 1, 1)
    return torch.cat([middle, visible], dim=2).expand(shape).clone()
