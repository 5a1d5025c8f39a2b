"""`nincost report`: all that nincost predicts of a model, on one page."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, model_options, output_options, pick_model
from nincost._cli.step_flags import parse_step, step_options
from nincost._devices.libraries.cudnn_plans import preload


@click.command(
    "report",
    epilog="""\b
Examples:
  nincost report resnet50 --gpu rtx4090
  nincost report --batch-size 128 --gpu rtx4090 --output report.html
  nincost report torchvision:resnet50 --optimizer AdamW --amp bfloat16 --output resnet50.html""",
)
@model_options
@step_options
@click.option(
    "--gpu", metavar="NAME",
    help="The GPU to predict for, with its peak speeds: rtx4090, a100-80gb, or a size such as "
    "24GiB. Default: the GPU here, else an A100.",
)  # fmt: skip
@click.option(
    "--suggest/--no-suggest", default=None,
    help="Predict changes that reduce memory. Default: unless the step takes long to record.",
)  # fmt: skip
@click.option(
    "--measure/--no-measure", default=None,
    help="Measure real steps too. Default: where there is a GPU.",
)  # fmt: skip
@output_options("report")
def command(model: str | None, variant: str | None, **options: Any) -> int:
    """Put all that nincost predicts of MODEL on one page: tables and pictures in a single file.

    The page answers the four questions (parameters, computation, memory to train and to infer),
    with the layers, the memory over a step and by batch size, and a roofline. It needs no
    network. Without --output or --format the four answers are printed. The exit status is 1 where
    a --gpu is named that the step does not fit.
    """
    output = Output.from_options(options)
    name = pick_model(model, variant)
    parse_step(options)
    preload()  # in a thread, while torch is imported
    from nincost._report.report import gather

    with output.only_results_on_stdout():
        result = gather(name, page=output.format != "table", **options)
    if output.verbose:
        for note in result.profile.details:
            output.say(note)
    output.show(result)
    fits = True if result.step is None else result.step.totals.fits
    return 1 if options["gpu"] is not None and fits is False else 0
