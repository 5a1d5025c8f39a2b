"""`nincost plan`: ways to train a model on a number of cards."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, named_model_options, output_options, pick_model
from nincost._cli.step_flags import options_from, parse_step, step_options
from nincost._step.parallel import Parallel


@click.command(
    "plan",
    epilog="""\b
Examples:
  nincost plan hf:llama-8b --seq 4096 --gpu h100 --ranks 8 --optimizer AdamW
  nincost plan torchvision:vit_l_16 --gpu rtx4090 --ranks 4 --global-batch 1024 --within 20GiB""",
)
@named_model_options
@click.option(
    "--gpu", metavar="NAME",
    help="A card such as h100, or a size such as 24GiB. Default: the GPU here.",
)  # fmt: skip
@click.option(
    "--global-batch", type=int, metavar="N",
    help="Examples of an optimizer step over all ranks; gradient accumulation makes it up.",
)  # fmt: skip
@click.option(
    "--within", metavar="SIZE", help="What a rank may take, such as 70GiB. Default: the card."
)
@click.option(
    "--top", type=int, default=16, show_default=True, metavar="N", help="Rows in the table."
)
@step_options
@options_from(Parallel, without="compile")
@click.option(
    "--compile/--no-compile", default=False,
    help="Compile each way by torch.compile, or none. Default: the fastest two of those that fit, "
    "where times are known.",
)  # fmt: skip
@output_options("plan")
def command(model: str | None, variant: str | None, **options: Any) -> None:
    """Try ways to train MODEL on a number of cards, and order those that fit by speed or memory.

    How the ranks share the model, activation checkpointing, precision, the optimizer's kernel,
    batch and torch.compile are tried; what is given as an option stays as it is.
    """
    output = Output.from_options(options)
    top = options.pop("top")
    name = pick_model(model, variant)
    parse_step(options)
    context = click.get_current_context()
    from click.core import ParameterSource

    asked = {
        key: value
        for key, value in options.items()
        if context.get_parameter_source(key) is not ParameterSource.DEFAULT
    }
    from nincost._plan.plan import plan

    with output.only_results_on_stdout():
        result = plan(name, **asked)
    output.show(result, top=top)
