"""`nincost explain`: the working of every number."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, model_options, output_options, pick_model
from nincost._explain.topic_names import TOPICS


@click.command(
    "explain",
    epilog="""\b
Examples:
  nincost explain two-1x1 --layer block1.conv
  nincost explain two-1x1 --lang zh
  nincost explain two-1x1 --topic padding
  nincost explain torchvision:resnet18 --layer layer1.0""",
)
@model_options
@click.option("--layer", metavar="NAME", help="Only this layer, or the layers of this block.")
@click.option(
    "--topic",
    type=click.Choice(TOPICS),
    metavar="TOPIC",
    help="Answer a question of readers in its place, with figures of this model: "
    f"{', '.join(TOPICS)}.",
)
@click.option(
    "--lang", type=click.Choice(["en", "zh"]),
    help="The language of the words. Default: that of LANG.",
)  # fmt: skip
@output_options("explain")
def command(model: str | None, variant: str | None, **options: Any) -> None:
    """Show the working of each number of MODEL: with symbols, then with the numbers put in.

    For each layer: output size, parameters, MACs, activation and receptive field.
    """
    output = Output.from_options(options)
    name = pick_model(model, variant)
    from nincost._explain.explain import explain
    from nincost._models.arguments import parse_arguments

    options["arg"] = parse_arguments(options["arg"])
    options["input"] = options["input"] or None
    with output.only_results_on_stdout():
        result = explain(name, **options)
    output.show(result)
