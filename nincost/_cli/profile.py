"""`nincost profile`: parameters, MACs and activations, layer by layer."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, model_options, output_options, pick_model


@click.command(
    "profile",
    epilog="""\b
Examples:
  nincost profile --variant two-1x1 --input 1x224x224
  nincost profile torchvision:resnet50 --batch-size 8 --output resnet50.csv
  nincost profile mynet.py:Net --arg width=64 --input 3x32x32 --sort macs --top 10""",
)
@model_options
@click.option(
    "--mode", type=click.Choice(["eval", "train"]), default="eval", show_default=True,
    help="Which of the two the model runs in.",
)  # fmt: skip
@click.option(
    "--assume", type=click.Choice(["balanced", "worst"]), default="balanced", show_default=True,
    help="What is taken of values that depend on weights and that the model looks at.",
)  # fmt: skip
@click.option(
    "--on-cpu", is_flag=True,
    help="Run a model on the CPU, on random input, where it cannot be run without values.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with 1 where an operator has no formula.")
@click.option(
    "--depth", type=int, metavar="N",
    help="Add up what lies deeper than N modules. Default: 3 in the table, all elsewhere.",
)  # fmt: skip
@click.option("--sort", metavar="COLUMN", help="Order by a column, largest first.")
@click.option("--top", type=int, metavar="N", help="Only the first N rows.")
@click.option(
    "--columns",
    metavar="A,B,...",
    help="Which columns to show, named as in the CSV, in order (JSON has all).",
)
@click.option("--elementwise", is_flag=True, help="Show element-wise FLOPs in their own column.")
@click.option("--total", is_flag=True, help="Add a row named total to the CSV.")
@click.option("--exact", is_flag=True, help="Whole numbers in the table, not 762.3 M.")
@output_options("profile")
def command(model: str | None, variant: str | None, **options: Any) -> None:
    """Count what MODEL costs, layer by layer, before it touches a GPU.

    MODEL is a built-in variant (default two-1x1), torchvision:NAME, timm:NAME, hf:PATH (a local
    config.json), package.module:factory or path/to/file.py:Class. Naming a file or a module runs
    its code. No weights are loaded or downloaded.
    """
    output = Output.from_options(options)
    from nincost._profile.view import View

    view = View(
        depth=options.pop("depth"),
        sort=options.pop("sort"),
        top=options.pop("top"),
        columns=tuple(c.strip() for c in (options.pop("columns") or "").split(",") if c.strip()),
        elementwise=options.pop("elementwise"),
        total=options.pop("total"),
        exact=options.pop("exact"),
    )
    name = pick_model(model, variant)
    from nincost._models.arguments import parse_arguments

    options["arg"] = parse_arguments(options["arg"])
    options["input"] = options["input"] or None
    from nincost._profile.profile import profile

    with output.only_results_on_stdout():
        result = profile(name, **options)
    for item in result.uncounted:
        output.say(f"uncounted: {item.operator}, {item.calls} times (--strict makes it an error)")
    if output.verbose:
        for note in result.details:
            output.say(note)
    output.show(result, view=view)
