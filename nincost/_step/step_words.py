"""A step's options as they may be given, and as a title says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from nincost._step.option_checks import OWN_OPTIMIZER, Loss
from nincost._step.option_fields import unusual
from nincost._step.step_options import Step

if TYPE_CHECKING:
    import torch


class StepOptions(TypedDict, total=False):
    """What functions take as `**step`: the options of `Step`, as they may be given.

    Type checkers need it written out; a test compares it with `Step`.
    """

    loss: str | Loss
    optimizer: str | type[torch.optim.Optimizer]
    optimizer_arg: Mapping[str, Any] | None
    optimizer_impl: Literal["for-loop", "foreach", "fused"] | None
    amp: str | torch.dtype | None
    grad_scaler: bool | None
    clip_grad_norm: float | None
    dtype: str | torch.dtype | None
    channels_last: bool
    grad_accumulation: int
    activation_checkpointing: str | bool
    freeze: str
    lora: str
    quantize: str
    optimizer_in_backward: bool
    offload_activations: str
    ema: str
    inference: bool
    seq: int | None
    nodes: int | None
    edges: int | None
    boxes: int | None
    generate: int | None
    prompt: int | None
    cache: str
    cudnn_benchmark: bool | None
    deterministic: bool | None
    tf32: bool | None
    zero_grad_before_forward: bool
    grad_set_to_none: bool
    assume: Literal["balanced", "worst"]
    on_cpu: bool
    alloc_conf: str


def step_words(options: Mapping[str, Any], kind: type = Step) -> str:
    """`a training step with SGD (momentum=0.9), bfloat16 autocast`: a title for plain options."""
    own = options.get("own_step")
    if own:
        lead = f"a step of {', '.join(own['models'])}"
        kinds = dict.fromkeys(own["optimizers"].values())
        lead += f" with {', '.join(kinds)}" if kinds else ""
    elif options["generate"]:
        lead = f"generation of {options['generate']:,} tokens ({options['cache']} cache)"
    elif options["inference"]:
        lead = "inference"
    else:
        arguments = ", ".join(f"{key}={value}" for key, value in options["optimizer_arg"].items())
        kept = options["optimizer"] == OWN_OPTIMIZER
        lead = f"a training step with {'its own optimizer' if kept else options['optimizer']}"
        lead += f" ({arguments})" if arguments else ""
    return ", ".join([lead, *unusual(options, kind)])
