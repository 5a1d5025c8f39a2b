"""`nincost fit`: the largest batch that fits a GPU."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, named_model_options, output_options, pick_model
from nincost._cli.step_flags import options_from, parse_step, step_options
from nincost._devices.libraries.cudnn_plans import preload
from nincost._step.parallel import Parallel
from nincost.errors import InputError


def _refuse_batch_size(_context: click.Context, _option: click.Parameter, value: Any) -> None:
    """Refuse --batch-size, which other commands offer, in words that say what to do instead."""
    if value is not None:
        raise InputError(
            f"fit finds the batch size: leave --batch-size out, or ask of this one by nincost "
            f"memory --batch-size {value}"
        )


@click.command(
    "fit",
    epilog="""\b
Examples:
  nincost fit --gpu 24GiB
  nincost fit torchvision:resnet50 --gpu rtx4090 --optimizer AdamW --amp bfloat16
  nincost fit torchvision:vit_l_16 --gpu h100 --ranks 8 --parallel fsdp --global-batch 4096""",
)
@named_model_options
@click.option("-b", "--batch-size", hidden=True, expose_value=False, callback=_refuse_batch_size)
@click.option(
    "--gpu", metavar="NAME",
    help="A card such as rtx4090 or a100-80gb, or a size such as 24GiB. Default: the GPU here.",
)  # fmt: skip
@click.option(
    "--global-batch", type=int, metavar="N",
    help="Examples of an optimizer step over all ranks: find the largest batch of a rank that "
    "divides it, with gradient accumulation for the rest.",
)  # fmt: skip
@step_options
@options_from(Parallel)
@output_options("fit")
def command(model: str | None, variant: str | None, **options: Any) -> None:
    """Find the largest batch whose training step fits, with the memory at it and at one more."""
    output = Output.from_options(options)
    name = pick_model(model, variant)
    parse_step(options)
    preload()  # in a thread, while torch is imported
    from nincost._engines.fit import fit

    with output.only_results_on_stdout():
        result = fit(name, **options)
    for operator in result.memory.uncounted:
        output.say(f"uncounted: scratch memory of {operator}")
    output.show(result)
