"""`nincost check`: hand formulas, the trace and other tools compared."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, model_options, output_options, pick_model


@click.command(
    "check",
    epilog="""\b
Examples:
  nincost check
  nincost check torchvision:resnet50 --format csv --output check.csv""",
)
@model_options
@click.option(
    "--mode", type=click.Choice(["eval", "train"]), default="eval", show_default=True,
    help="Which of the two the model runs in.",
)  # fmt: skip
@click.option(
    "--other-tools/--no-other-tools", default=True, show_default=True,
    help="Run fvcore and FlopCounterMode too.",
)  # fmt: skip
@output_options("check")
def command(model: str | None, variant: str | None, **options: Any) -> int:
    """Compare hand formulas with the trace of MODEL, layer by layer.

    Beside them: fvcore's count of each layer, and FlopCounterMode's total, with known differences
    explained. Exit status 1 where the hand formulas and the trace disagree.
    """
    output = Output.from_options(options)
    name = pick_model(model, variant)
    from nincost._closed_form.check import check
    from nincost._models.arguments import parse_arguments

    options["arg"] = parse_arguments(options["arg"])
    options["input"] = options["input"] or None
    with output.only_results_on_stdout():
        result = check(name, **options)
    output.show(result)
    return 0 if result.ok else 1
