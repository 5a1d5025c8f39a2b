"""`nincost compare`: networks side by side."""

from __future__ import annotations

import inspect
from typing import Any

import click

from nincost._cli.options import Output, output_options
from nincost._cli.step_flags import parse_step, step_options
from nincost.errors import InputError


@click.command(
    "compare",
    epilog="""\b
Examples:
  nincost compare two-1x1 one-1x1
  nincost compare two-1x1 --inputs 1x224x224 --inputs 1x96x96
  nincost compare resnet18 resnet34 resnet50 --sort macs
  nincost compare resnet18 resnet50 --columns model,params,macs,macs_ratio --format latex""",
)
@click.argument("models", nargs=-1, metavar="A [B ...]")
@click.option(
    "--inputs", multiple=True, metavar="SHAPE[:DTYPE]",
    help="An input for all models, or, repeated, one for each, in order.",
)  # fmt: skip
@click.option(
    "--batch-sizes", metavar="N,...", help="A batch size for all models, or one for each."
)
@click.option(
    "--arg", multiple=True, metavar="KEY=VALUE",
    help="A keyword argument for the models' factories, such as num_classes=10; repeatable.",
)  # fmt: skip
@click.option(
    "--memory/--no-memory", default=True, show_default=True,
    help="Predict each model's training step too.",
)  # fmt: skip
@click.option("--gpu", metavar="NAME", help="The GPU to predict for. Default: an A100.")
@step_options
@click.option("--all", "all_rows", is_flag=True, help="Show the layers that are the same, too.")
@click.option("--sort", metavar="COLUMN", help="Order the rows by a column, largest first.")
@click.option(
    "--columns", metavar="A,B,...",
    help="Which columns to show, named as in the CSV, in order (JSON, pages and pictures have all);"
    " with model among them, a row for each model.",
)  # fmt: skip
@click.option("--exact", is_flag=True, help="Whole numbers in the table, not 762.3 M.")
@output_options("compare")
def command(models: tuple[str, ...], all_rows: bool, **options: Any) -> None:
    """Compare models side by side: the layers that differ, and the totals with their ratios.

    Layers are aligned by name and by order, so that an added layer shows as added. With one model,
    give two inputs or two batch sizes.
    """
    output = Output.from_options(options)
    from nincost._compare.view import ComparisonView

    view = ComparisonView(
        columns=tuple(c.strip() for c in (options.pop("columns") or "").split(",") if c.strip()),
        sort=options.pop("sort"),
        exact=options.pop("exact"),
    )
    from nincost._compare.compare import compare
    from nincost._step.command_line import command_line

    parse_step(options)
    options["inputs"] = options["inputs"] or None
    options["batch_sizes"] = _numbers(options["batch_sizes"])
    with output.only_results_on_stdout():
        result = compare(*models, **options)
    defaults = {key: p.default for key, p in inspect.signature(compare).parameters.items()}
    command_words = command_line("compare", models, options, defaults)
    output.show(result, view=view, all_rows=all_rows, command=command_words)


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise InputError(f"batch sizes are {text!r}: expected whole numbers such as 1,128")
    return [int(part) for part in parts]
