"""The options that say what a training step is, shared by `memory` and `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def step_options(function: F) -> F:
    """--loss, --optimizer and all that makes a step what it is."""
    for decorate in (
        click.option(
            "--alloc-conf", default="", metavar="TEXT",
            help="PYTORCH_CUDA_ALLOC_CONF, such as expandable_segments:True.",
        ),
        click.option(
            "--grad-set-to-none/--no-grad-set-to-none", default=True, show_default=True,
            help="zero_grad's argument: drop gradients, or fill them with zeros.",
        ),
        click.option(
            "--zero-grad-before-forward", is_flag=True,
            help="Call zero_grad before forward, rather than between loss and backward.",
        ),
        click.option(
            "--cudnn-benchmark", is_flag=True, help="With torch.backends.cudnn.benchmark on."
        ),
        click.option("--inference", is_flag=True, help="One forward pass, without gradients."),
        click.option(
            "--activation-checkpointing", default="none", show_default=True, metavar="WHAT",
            help="Compute again in backward rather than keep what is saved: none or top-level "
            "(each top-level block).",
        ),
        click.option(
            "--grad-accumulation", type=int, default=1, show_default=True, metavar="N",
            help="Backward passes before each optimizer step.",
        ),
        click.option("--channels-last", is_flag=True, help="Model and images in channels-last."),
        click.option("--dtype", metavar="DTYPE", help="Cast model and input, such as bfloat16."),
        click.option(
            "--clip-grad-norm", type=float, metavar="NORM",
            help="Clip gradients with torch.nn.utils.clip_grad_norm_ before each optimizer step.",
        ),
        click.option(
            "--grad-scaler/--no-grad-scaler", default=None,
            help="With a torch.amp.GradScaler. Default: with --amp float16.",
        ),
        click.option("--amp", metavar="DTYPE", help="Autocast: float16 or bfloat16."),
        click.option(
            "--optimizer-impl", metavar="HOW",
            help="for-loop, foreach or fused. Default: what torch picks on CUDA.",
        ),
        click.option(
            "--optimizer-arg", multiple=True, metavar="KEY=VALUE",
            help="A keyword argument for the optimizer, such as momentum=0.9; repeatable.",
        ),
        click.option(
            "--optimizer", default="SGD", show_default=True, metavar="NAME",
            help="A class in torch.optim.",
        ),
        click.option(
            "--loss", default="cross-entropy", show_default=True, metavar="NAME",
            help="cross-entropy, mse or sum (in Python also a function of the output).",
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function


def parse_step(options: dict[str, Any]) -> dict[str, Any]:
    """The options as `nincost.memory` and `nincost.fit` take them."""
    from nincost._models.arguments import parse_arguments

    options["arg"] = parse_arguments(options["arg"])
    options["optimizer_arg"] = parse_arguments(
        options["optimizer_arg"], option="--optimizer-arg", example="momentum=0.9"
    )
    options["input"] = options["input"] or None
    return options
