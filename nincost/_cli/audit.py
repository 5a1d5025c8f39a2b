"""`nincost audit`: grades a hand calculation, term by term."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from nincost._cli.options import Output, output_options, pick_model
from nincost.errors import InputError


@click.command(
    "audit",
    epilog="""\b
Examples:
  nincost audit answer.txt two-1x1
  nincost audit --params "96*(11*11*1+1) + (1*1*96*96)*2 = 1995284"
  nincost profile --output answer.csv && nincost audit answer.csv""",
)
@click.argument("answer", required=False, metavar="[FILE]")
@click.argument("model", required=False)
@click.option("--variant", metavar="NAME", help="A built-in variant; the same as MODEL.")
@click.option("--params", metavar="TEXT", help="A calculation of the parameters, in place of FILE.")
@click.option("--macs", metavar="TEXT", help="A calculation of the MACs.")
@click.option("--flops", metavar="TEXT", help="A calculation of the FLOPs, two for each MAC.")
@click.option("--memory", metavar="TEXT", help="Statements about memory: 'parameters: 7.97 MB'.")
@click.option(
    "--what", type=click.Choice(["params", "macs", "flops"]),
    help="What FILE is about. Default: what it says, else what fits best.",
)  # fmt: skip
@click.option(
    "--layer", metavar="NAME", help="Only this layer, or the layers of this block, are asked about."
)
@click.option(
    "--arg", multiple=True, metavar="KEY=VALUE",
    help="A keyword argument for the model's factory, such as num_classes=10; repeatable.",
)  # fmt: skip
@click.option(
    "--input", "input", multiple=True, metavar="[NAME=]SHAPE[:DTYPE]",
    help="An input without its batch dimension, such as 3x224x224; repeat for several.",
)  # fmt: skip
@click.option(
    "--batch-size", type=int, default=1, show_default=True, metavar="N",
    help="The batch size that the MACs and FLOPs are for.",
)  # fmt: skip
@output_options("audit")
def command(answer: str | None, model: str | None, variant: str | None, **options: Any) -> int:
    """Grade a calculation of MODEL's parameters, MACs, FLOPs or memory, and name each mistake.

    FILE is a text (- for standard input) as people write it, in English or Chinese, or a table as
    `nincost profile` writes it. Output shapes and receptive fields are graded too. Exit status 1
    where the answer is wrong, 2 where it is not understood.
    """
    output = Output.from_options(options)
    written = any(options[name] is not None for name in ("params", "macs", "flops", "memory"))
    if written and model is None:  # the calculation stands in the place of FILE
        answer, model = None, answer
    name = pick_model(model, variant)
    from nincost._audit.audit import audit, decode, read_file
    from nincost._audit.reading.tokens import MAX_CHARACTERS
    from nincost._models.arguments import parse_arguments

    text = None
    if answer == "-":
        if sys.stdin is None:
            raise InputError("standard input is closed: give the calculation as a file")
        text = decode(sys.stdin.buffer.read(4 * MAX_CHARACTERS + 1), "standard input") + "\n"
    elif answer is not None:
        text = read_file(Path(answer)) + "\n"  # a line end makes it a text, and no file's name
    options["arg"] = parse_arguments(options["arg"])
    options["input"] = options["input"] or None
    with output.only_results_on_stdout():
        result = audit(text, name, **options)
    output.show(result)
    return {"right": 0, "wrong": 1, "not sure": 2}[result.verdict]
