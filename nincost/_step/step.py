"""What a training step is: one plain value, apart from how it is recorded and replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nincost._models.build import Model
from nincost._models.inputs import check_batch_size
from nincost.errors import InputError, did_you_mean

Loss = Callable[..., Any]

#: Losses that a step knows by name.
LOSSES = ("cross-entropy", "mse", "sum")

#: Precisions of automatic mixed precision.
AMP = ("float16", "bfloat16")

#: Which blocks activation checkpointing computes again in backward.
ACTIVATION_CHECKPOINTING = ("none", "top-level")

#: How an optimizer updates its parameters: one by one, in lists, or in one kernel.
OPTIMIZER_IMPLS = ("for-loop", "foreach", "fused")


@dataclass(frozen=True, slots=True)
class Step:
    """One training step, in the order forward, loss, `zero_grad`, backward, optimizer step.

    Args:
        model: what `nincost._models.sources.resolve` gave; it is never changed.
        input: input specs or example tensors; the model's default input where None.
        batch_size: what specs get in front.
        loss: `cross-entropy`, `mse` (against a target of the output's shape), `sum`, or a function
            of the model's output that gives a scalar tensor.
        optimizer: the name of a class in `torch.optim`.
        optimizer_arg: its keyword arguments; `lr` may be left out.
        optimizer_impl: `for-loop`, `foreach` or `fused`; None for what torch picks on the device.
        amp: `float16` or `bfloat16` for autocast; None for none.
        grad_scaler: whether a `torch.amp.GradScaler` scales the loss; None for the usual: with
            float16 autocast of float32 weights, and only then.
        clip_grad_norm: the norm that `torch.nn.utils.clip_grad_norm_` clips gradients to before
            each optimizer step; None for no clipping.
        dtype: a torch dtype's name that the model and its float inputs are cast to; empty to
            leave them.
        channels_last: whether model and 4-d inputs are in channels-last layout.
        grad_accumulation: backward passes before each optimizer step.
        activation_checkpointing: `top-level` where each top-level block is recomputed in backward
            rather than kept; `none`.
        inference: one forward pass in eval mode without gradients, and nothing else.
        grad_set_to_none: `zero_grad`'s argument: drop gradients, or fill them with zeros.
        zero_grad_before_forward: whether `zero_grad` stands there rather than before backward.
        hold_output: whether the last step's output and loss are alive until the next step has
            made its own, as in a loop at a script's top level.
        steps: how many steps to record.
    """

    model: Model
    input: Any = None
    batch_size: int = 1
    loss: str | Loss = "cross-entropy"
    optimizer: str = "SGD"
    optimizer_arg: Mapping[str, Any] = field(default_factory=dict)
    optimizer_impl: Literal["for-loop", "foreach", "fused"] | None = None
    amp: Literal["float16", "bfloat16"] | None = None
    grad_scaler: bool | None = None
    clip_grad_norm: float | None = None
    dtype: str = ""
    channels_last: bool = False
    grad_accumulation: int = 1
    activation_checkpointing: str = "none"
    inference: bool = False
    grad_set_to_none: bool = True
    zero_grad_before_forward: bool = False
    hold_output: bool = False
    steps: int = 3

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size)
        _count("grad_accumulation", self.grad_accumulation)
        _count("steps", self.steps)
        if isinstance(self.loss, str):
            _choice("loss", self.loss, LOSSES)
        elif not callable(self.loss):
            raise InputError(
                f"loss is {self.loss!r}: choose {', '.join(LOSSES)}, or give a function of the "
                "model's output"
            )
        if self.optimizer_impl is not None:
            _choice("optimizer_impl", self.optimizer_impl, OPTIMIZER_IMPLS)
        if self.amp is not None:
            _choice("amp", self.amp, AMP)
        _choice("activation_checkpointing", self.activation_checkpointing, ACTIVATION_CHECKPOINTING)
        if self.grad_scaler and self.dtype == "float16":
            raise InputError(
                "grad_scaler cannot unscale the float16 gradients of float16 weights (torch raises "
                "an error): leave dtype out and take amp float16, or leave grad_scaler out"
            )
        if self.clip_grad_norm is not None:
            _positive("clip_grad_norm", self.clip_grad_norm)
        if self.dtype:
            _choice("dtype", self.dtype, ("float32", "float64", "float16", "bfloat16"))
        check_optimizer(self.optimizer)

    @property
    def scales_gradients(self) -> bool:
        """Whether a `GradScaler` is in the step."""
        if self.inference:
            return False
        if self.grad_scaler is None:
            return self.amp == "float16" and self.dtype in ("", "float32")
        return self.grad_scaler


def check_optimizer(name: object) -> str:
    """`name` where `torch.optim` has such a class, else `InputError` with the nearest name."""
    import torch

    known = [
        key
        for key, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    ]
    known.remove("Optimizer")
    if not isinstance(name, str) or name not in known:
        raise InputError(
            f"unknown optimizer {name!r}: choose {', '.join(sorted(known))}"
            f"{did_you_mean(str(name), known)}"
        )
    if name == "LBFGS":
        raise InputError(
            "optimizer LBFGS runs the model inside its own step, as often as it likes, so one step "
            "has no fixed memory: choose another, such as SGD or Adam"
        )
    return name


def _count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} is {value!r}: expected a whole number of at least 1")


def _positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InputError(f"{name} is {value!r}: expected a number above 0, such as 1.0")


def _choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(
            f"unknown {name} {value!r}: choose {', '.join(known)}{did_you_mean(str(value), known)}"
        )
