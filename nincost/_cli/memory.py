"""`nincost memory`: the CUDA memory of a training step, predicted, and measured where it can be."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import (
    Output,
    model_options,
    output_options,
    pick_model,
)
from nincost._cli.step_files import StepFiles, step_file_options
from nincost._cli.step_flags import options_from, parse_step, step_options
from nincost._devices.libraries.cudnn_plans import preload
from nincost._step.parallel import Parallel, refuse_parallel, split_options
from nincost.errors import InputError


@click.command(
    "memory",
    epilog="""\b
Examples:
  nincost memory --batch-size 128 --what-if one-1x1
  nincost memory torchvision:resnet50 --batch-size 64 --optimizer AdamW --amp bfloat16
  nincost memory hf:llama-8b --input input_ids=4096:int64 --gpu h100 --ranks 8 --parallel fsdp
  nincost memory --batch-size 128 --gpu rtx4090 --timeline step.svg --snapshot step.pickle""",
)
@model_options
@step_options
@options_from(Parallel)
@click.option(
    "--gpu", metavar="NAME",
    help="The GPU to predict for: rtx4090, a100-80gb, or a size such as 24GiB. Default: the GPU "
    "here, else an A100.",
)  # fmt: skip
@click.option("--what-if", metavar="MODEL", help="Predict another model too, such as one-1x1.")
@click.option(
    "--suggest/--no-suggest", default=None,
    help="Predict changes that reduce memory, or make the step fit. Default: in a table and in "
    "Markdown (in JSON where it does not fit), unless the step takes long to record.",
)  # fmt: skip
@click.option(
    "--measure/--no-measure", default=None,
    help="Measure real steps too. Default: where there is a GPU.",
)  # fmt: skip
@click.option(
    "--verify", is_flag=True,
    help="Run the same step in PyTorch's own CUDA code on an emulated GPU, and report both: exit "
    "status 1 where a peak differs. Linux on x86-64.",
)  # fmt: skip
@step_file_options(
    snapshot="Write a pickle for pytorch.org/memory_viz, as torch.cuda.memory._dump_snapshot does."
)
@click.option(
    "--top", type=int, default=8, show_default=True, metavar="N", help="Layers in the table."
)
@output_options("memory")
def command(model: str | None, variant: str | None, **options: Any) -> int:
    """Predict the CUDA memory of a training step of MODEL, without a GPU.

    What torch.cuda.max_memory_allocated and max_memory_reserved would report, what the memory is
    used for, which layer and operator reach the peak, and what would reduce it. Where there is a
    GPU, real steps are measured, too. The exit status is 1 where a --gpu is named that it does not
    fit.
    """
    output = Output.from_options(options)
    files, top = StepFiles.from_options(output, options), options.pop("top")
    name = pick_model(model, variant)
    parse_step(options)
    if options.pop("verify"):
        options, parallel = split_options(options)
        refuse_parallel(parallel, "--verify")
        return _verify(
            name,
            output,
            options,
            beside={"--timeline": files.timeline, "--snapshot": files.snapshot},
        )
    if options["suggest"] is None:
        words = output.format in ("table", "markdown")
        options["suggest"] = "cheap" if words else "unfit" if output.format == "json" else False
    preload()  # in a thread, while torch is imported
    from nincost._engines.memory import memory

    with output.only_results_on_stdout():
        result = memory(name, **options)
    if output.verbose:
        for note in result.details:
            output.say(note)
    for name in result.uncounted:
        output.say(f"uncounted: scratch memory of {name}")
    files.write(result, output)
    output.show(result, top=top)
    return 1 if options["gpu"] is not None and result.totals.fits is False else 0


def _verify(
    model: str, output: Output, options: dict[str, Any], *, beside: dict[str, str | None]
) -> int:
    """The step as predicted and as emulated, instead of the prediction alone."""
    others = {
        **beside, "--what-if": options.pop("what_if"), "--suggest": options.pop("suggest"),
        "--measure": options.pop("measure"),
    }  # fmt: skip
    for name, value in others.items():
        if value:
            raise InputError(f"--verify and {name} are both given: run memory once with each")
    preload()
    from nincost._emulator.verification.verify import verify

    with output.only_results_on_stdout():
        result = verify(model, **options)
    output.show(result)
    return result.exit_status
