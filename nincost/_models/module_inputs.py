"""What a module takes by itself where nobody says: by its configuration, or by what it is."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nincost._models.build import Model
from nincost._models.configured_inputs import BOXES, default_input
from nincost._models.diffusion_inputs import diffusion_input
from nincost.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def module_input(module: nn.Module) -> tuple[str, ...]:
    """The input specs of a module, without the batch; none where it does not say.

    Known are transformers' models, diffusers' networks, timm's models, torchvision's detectors
    and LightningModules with an `example_input_array`.
    """
    config: Any = getattr(module, "config", None)
    if isinstance(config, Mapping) and "_class_name" in config:
        return diffusion_input(config)
    if config is not None and hasattr(module, "main_input_name"):
        return default_input(module, config)
    timms: Any = getattr(module, "pretrained_cfg", None)
    if isinstance(timms, Mapping) and timms.get("input_size"):
        return ("x".join(map(str, timms["input_size"])),)
    example: Any = getattr(module, "example_input_array", None)
    if hasattr(example, "shape") and example.dim() > 1:  # Lightning's
        kind = str(example.dtype).removeprefix("torch.")
        typed = "" if example.is_floating_point() else f":{kind}"
        return (f"{'x'.join(map(str, example.shape[1:]))}{typed}",)
    side = _resized(module)
    return (f"3x{side}x{side}",) if side else ()


def usual_loss(module: nn.Module) -> str:
    """The loss that such a module is trained with; empty for the usual one.

    A diffusion network is trained to predict noise, by mean squared error.
    """
    config: Any = getattr(module, "config", None)
    diffuses = isinstance(config, Mapping) and bool(diffusion_input(config))
    return "mse" if diffuses else ""


def training_input(model: Model, boxes: int | None) -> tuple[str, ...] | None:
    """The input of a detector's training step: images, and what is to be found in each.

    Args:
        model: what is trained.
        boxes: objects of an image; `BOXES` where None.

    Returns:
        Input specs; None where a model takes in training what it takes otherwise.

    Raises:
        InputError: boxes are given for a model that has no such targets.
    """
    module: Any = model.module
    side = _resized(module)
    if not side:
        if boxes is not None:
            raise InputError(
                f"{model.name} takes no boxes that are known: expected a detector of torchvision, "
                "such as torchvision:fasterrcnn_resnet50_fpn; leave boxes out"
            )
        return None
    count = BOXES if boxes is None else boxes
    specs = [f"images[]=3x{side}x{side}", f"targets[].boxes={count}x4",
             f"targets[].labels={count}:int64"]  # fmt: skip
    heads = getattr(module, "roi_heads", None)
    if heads is not None and heads.has_mask():
        specs.append(f"targets[].masks={count}x{side}x{side}:uint8")
    if heads is not None and heads.has_keypoint():
        points = heads.keypoint_predictor.kps_score_lowres.out_channels
        specs.append(f"targets[].keypoints={count}x{points}x3")
    return tuple(specs)


def boxes_note(specs: tuple[str, ...] | None) -> str:
    """What is assumed of a detector's targets; empty where the specs are of no detector."""
    count = next((one.partition("=")[2].partition("x")[0] for one in specs or ()
                  if one.startswith("targets[].boxes=")), "")  # fmt: skip
    return f"{count} objects an image are assumed: give another number with --boxes" * bool(count)


def _resized(module: Any) -> int:
    """The side of the images that a detector of torchvision resizes to; 0 for other modules."""
    resize = getattr(module, "transform", None)
    sizes = getattr(resize, "min_size", ())
    return min(sizes) if type(resize).__name__ == "GeneralizedRCNNTransform" else 0


def takes_graph(module: nn.Module) -> bool:
    """Whether a module is called as PyTorch Geometric's are, with `edge_index`."""
    return "edge_index" in inspect.signature(module.forward).parameters


def graph_input(model: Model, nodes: int | None, edges: int | None) -> tuple[str, ...]:
    """The input specs of a model of a graph, as PyTorch Geometric's have it: `x`, `edge_index`.

    Args:
        model: its module's `forward` takes `edge_index`, and `x` of so many channels as the module
            has `in_channels`, or the first of its layers that has.
        nodes, edges: how many there are.

    Raises:
        InputError: the model takes no graph, or a number or a width is not known.
    """
    taken = inspect.signature(model.module.forward).parameters
    if "edge_index" not in taken:
        raise InputError(
            f"{model.name} takes no edge_index, so nodes and edges do not fit: expected a model of "
            "a graph, whose forward is forward(x, edge_index); give its input with --input"
        )
    if nodes is None or edges is None:
        missing, given = ("edges", "nodes") if edges is None else ("nodes", "edges")
        raise InputError(
            f"{given} is given without {missing}: give both, such as --nodes 2708 --edges 10556"
        )
    specs = []
    for name, parameter in taken.items():
        needed = parameter.default is parameter.empty
        if name == "edge_index":
            specs.append(f"edge_index==2x{edges}:int64")
        elif name in ("x", "batch") and needed:
            specs.append(f"x=={nodes}x{_width(model, 'in_channels')}" if name == "x" else
                         f"batch=={nodes}:int64")  # fmt: skip
        elif name in ("edge_attr", "edge_weight") and needed:
            width = "" if name == "edge_weight" else f"x{_width(model, 'edge_dim')}"
            specs.append(f"{name}=={edges}{width}")
        elif needed and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InputError(
                f"{model.name} takes {name}, which nodes and edges do not say: give its input with "
                f"--input, such as --input x=={nodes}x16 --input edge_index==2x{edges}:int64"
            )
    return tuple(specs)


def _width(model: Model, name: str) -> int:
    """The channels of a node or an edge: the module's own, or its first layer's that has them."""
    for part in model.module.modules():
        width: Any = getattr(part, name, None)
        if isinstance(width, tuple) and width:  # of source and target nodes
            width = width[0]
        if type(width) is int and width > 0:
            return width
    raise InputError(
        f"{model.name} does not say how many channels a node or an edge has ({name}): give its "
        "input with --input, such as --input x==2708x16 --input edge_index==2x10556:int64"
    )
