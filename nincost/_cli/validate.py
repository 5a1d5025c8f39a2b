"""`nincost validate`: predicted against measured memory, over a suite of steps."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, output_options
from nincost._devices.libraries.cudnn_plans import preload


@click.command(
    "validate",
    epilog="""\b
Examples:
  nincost validate
  nincost validate --recorded reports/cuda-nvidia-a100-sxm4-40gb-torch2.14.1.json""",
)
@click.option("--quick", is_flag=True, help="A handful of cases instead of all.")
@click.option(
    "--recorded", metavar="FILE",
    help="Take the measurements from an earlier report in place of a GPU.",
)  # fmt: skip
@click.option(
    "--reports", metavar="FOLDER", default="reports", show_default=True,
    help="Where the JSON and the Markdown report go, unless --recorded is given.",
)  # fmt: skip
@output_options("validate")
def command(**options: Any) -> None:
    """Predict and measure a suite of steps on this machine's GPU, and report each error.

    Writes FOLDER/cuda-GPU-torchVERSION.json and .md. Takes some minutes.
    """
    output = Output.from_options(options)
    preload()  # in a thread, while torch is imported
    from nincost._validate.validate import validate

    with output.only_results_on_stdout():
        said = output.say if output.verbose else None
        result = validate(quick=options["quick"], recorded=options["recorded"], progress=said)
    if options["recorded"] is None:
        for path in result.save(options["reports"], force=output.force):
            output.say(f"wrote {path}")
    output.show(result)
