"""`nincost time`: how long a step takes on a GPU, predicted."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, model_options, output_options, pick_model
from nincost._cli.step_flags import options_from, parse_step, step_options
from nincost._step.parallel import Parallel


@click.command(
    "time",
    epilog="""\b
Examples:
  nincost time --batch-size 128 --gpu v100
  nincost time torchvision:resnet50 -b 128 --gpu h100 --amp bfloat16 --channels-last
  nincost time hf:llama-8b -b 2 --gpu h100 --ranks 8 --parallel fsdp --mixed-precision bfloat16
  nincost time torchvision:resnet50 -b 256 --gpu a100 --examples 1281167 --epochs 90 --price 2.5""",
)
@model_options
@step_options
@options_from(Parallel)
@click.option(
    "--gpu", metavar="NAME",
    help="The card to predict for, such as h100 or rtx4090. Default: the GPU here, else an A100.",
)  # fmt: skip
@click.option(
    "--bandwidth", type=float, metavar="GB/S",
    help="The card's memory bandwidth, where it is another than nincost knows.",
)  # fmt: skip
@click.option(
    "--tflops", type=float, metavar="TFLOP/S", help="The card's peak, for the step's precision."
)
@click.option(
    "--link-bandwidth", type=float, metavar="GB/S",
    help="Of several ranks: what one sends to the next of its machine. Default: as such cards are "
    "commonly joined (NVLink's switches, else PCI Express).",
)  # fmt: skip
@click.option(
    "--network-bandwidth", type=float, metavar="GB/S",
    help="What a rank may send to other machines. Default: 50 from Hopper on, 25 for A100, else "
    "12.5 for a machine.",
)  # fmt: skip
@click.option(
    "--cuda-graphs", is_flag=True,
    help="Launch the step's kernels at once, as by a CUDA graph of all of it.",
)  # fmt: skip
@click.option(
    "--suggest/--no-suggest", default=None,
    help="Predict what a larger batch, mixed precision, channels-last and a fused optimizer would "
    "gain. Default: in a table and in Markdown, unless the step takes long to record.",
)  # fmt: skip
@click.option(
    "--examples", type=int, metavar="N", help="Examples in an epoch: estimate a training."
)
@click.option("--epochs", type=float, metavar="N", help="Epochs of that training. Default: 1.")
@click.option("--price", type=float, metavar="X", help="Price of a GPU-hour, in any currency.")
@click.option(
    "--power", type=float, metavar="WATTS", help="What the card draws. Default: its rated power."
)
@click.option(
    "--measure", is_flag=True, help="Time the step on the GPU here, too, beside the prediction."
)
@click.option(
    "--calibrate", is_flag=False, flag_value="", default=None, metavar="[FILE]",
    help="Measure, and keep this card's own factors: in the user's cache, or in FILE.",
)  # fmt: skip
@click.option(
    "--calibration", metavar="FILE",
    help="Factors that --calibrate wrote, of the same card; none for no factors. Default: those in "
    "the user's cache.",
)  # fmt: skip
@click.option(
    "--trace", metavar="FILE",
    help="Write the step as a Chrome trace, too: open it in ui.perfetto.dev or chrome://tracing.",
)  # fmt: skip
@click.option(
    "--top", type=int, default=10, show_default=True, metavar="N",
    help="Layers, and operators, in the table.",
)  # fmt: skip
@output_options("time")
def command(model: str | None, variant: str | None, **options: Any) -> None:
    """Predict how long a training step of MODEL takes on a GPU, without one.

    Seconds and examples per second, with a range; what each phase, layer and operator takes; what
    bounds them: arithmetic, memory, or the host that launches kernels; and what would be faster.
    """
    output = Output.from_options(options)
    trace, top = options.pop("trace"), options.pop("top")
    output.check_more_files(trace=trace)
    name = pick_model(model, variant)
    parse_step(options)
    if options["suggest"] is None:
        options["suggest"] = "cheap" if output.format in ("table", "markdown") else False
    if options["calibrate"] == "":  # no file is named
        options["calibrate"] = True
    from nincost._engines.time import time

    with output.only_results_on_stdout():
        result = time(name, **options)
    for operator in result.untimed:
        output.say(f"no time is known of {operator}: it was counted by its bytes")
    if trace is not None:
        result.to_trace(trace, force=output.force)
        output.say(f"wrote {trace}")
    output.show(result, top=top)
