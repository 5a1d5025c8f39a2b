"""The loss of a step: its target, and the scalar that backward starts from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nincost._step.option_checks import Loss
from nincost.errors import InputError


def output_tensor(output: Any) -> Tensor:
    """The tensor that a loss is taken of: the output, its `logits`, its `out` or first tensor."""
    if isinstance(output, Tensor):
        return output
    for name in ("logits", "out", "last_hidden_state"):
        found = output.get(name) if isinstance(output, dict) else getattr(output, name, None)
        if isinstance(found, Tensor):
            return found
    items = output.values() if isinstance(output, dict) else output
    if isinstance(items, list | tuple) or isinstance(output, dict):
        for item in items:
            if isinstance(item, Tensor):
                return item
    raise InputError(
        f"the model gives {type(output).__name__!r}, which holds no tensor that a loss could be "
        "taken of: give loss as a function of the output"
    )


def own_loss(output: Any) -> Tensor | None:
    """The loss that a model gives itself: a number with a gradient; a detector's are added up.

    Looked for in `output.loss`, in the items of a tuple or dict, and in the output itself.
    """
    found = output.get("loss") if isinstance(output, dict) else getattr(output, "loss", None)
    if _is_loss(found):
        return found  # type: ignore[no-any-return]
    if _is_loss(output):
        return output  # type: ignore[no-any-return]
    if isinstance(output, dict) and output and all(map(_is_loss, output.values())):
        return sum(output.values())  # type: ignore[return-value]
    if isinstance(output, tuple | list):
        losses = [item for item in output if _is_loss(item)]
        return losses[0] if len(losses) == 1 else None
    return None


def _is_loss(value: Any) -> bool:
    return (
        isinstance(value, Tensor)
        and value.dim() == 0
        and value.is_floating_point()
        and value.requires_grad
    )


def make_target(loss: str | Loss, output: Tensor) -> Tensor | None:
    """The target that a named loss wants for this output; None where it takes none.

    cross-entropy: class numbers, int64, of the output's shape without dimension 1 (or without the
    only dimension, or the last one where the output is 3-d: batch x length x vocabulary).
    mse: the output's shape and type.
    """
    if loss == "mse":
        return torch.zeros(output.shape, dtype=output.dtype, device=output.device)
    if loss != "cross-entropy":
        return None
    if not output.is_floating_point() or output.dim() == 0:
        raise InputError(
            f"loss cross-entropy takes scores, but the model gives {output.dtype} of shape "
            f"{tuple(output.shape)}: give loss as sum, mse or a function of the output"
        )
    if output.dim() == 3:
        shape = output.shape[:2]
    else:
        shape = output.shape[:1] + output.shape[2:] if output.dim() > 1 else output.shape[:0]
    return torch.zeros(shape, dtype=torch.int64, device=output.device)


def take_loss(loss: str | Loss, output: Any, target: Tensor | None) -> Tensor:
    """The loss as a scalar tensor: for cross-entropy the model's own, where it gives one."""
    if loss in ("cross-entropy", "none") and target is None:
        own = own_loss(output)
        if own is not None:
            return own
    if loss == "none":
        raise InputError(
            "loss none is the model's own, but it gives none (a number with a gradient, as "
            "output.loss, an item of the output, or the output): say where it is, as output[1], or "
            "choose cross-entropy"
        )
    if callable(loss):
        value = loss(output)
        if not isinstance(value, Tensor) or value.dim() != 0:
            what = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(type(value))
            raise InputError(
                f"the loss function gave {what}: expected a tensor of no dimension, such as "
                "output.sum()"
            )
        return value
    tensor = output_tensor(output)
    if loss == "sum":
        return tensor.sum()
    if target is None:
        raise InputError(f"loss {loss} needs a target: give the tensor to compare with")
    if loss == "mse":
        return nn.functional.mse_loss(tensor, target)
    if tensor.dim() == 3:
        tensor, target = tensor.flatten(0, 1), target.flatten()
    return nn.functional.cross_entropy(tensor, target)
