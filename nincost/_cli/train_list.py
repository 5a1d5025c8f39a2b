"""`nincost train --table`: a list of trainings, compared."""

from __future__ import annotations

import os
from typing import Any

import click
from click.core import ParameterSource

from nincost._cli.options import Output
from nincost._result import formats
from nincost.errors import InputError

#: Options that a list of trainings has of its own.
_OWN = {"folder", "resume", "force", "progress", "trust"}


def run_list(
    model: str | None,
    variant: str | None,
    file: str,
    seeds: str | None,
    options: dict[str, Any],
    output: Output,
) -> int:
    """Run the list; options of the command line are used for each training."""
    from nincost._train.compare_runs import train_table

    if output.format not in formats("train_table"):
        raise InputError(
            f"--format {output.format} is for one training: each of the list has its own "
            "log.jsonl and curves.svg in its folder"
        )
    context = click.get_current_context()
    given = {
        name: value
        for name, value in options.items()
        if name not in _OWN and context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    if model is not None and variant is not None:
        raise InputError(f"both MODEL {model!r} and --variant {variant!r} are given: give one")
    if model or variant:
        given["model"] = model or variant
    if "seed" in given:
        raise InputError("--seed is for one training: give --seeds with --table")
    folder = options["folder"] or os.path.join("runs", "table")
    with output.only_results_on_stdout():
        result = train_table(
            file, seeds=_seeds(seeds), folder=folder, resume=options["resume"],
            force=options["force"], trust=options["trust"], progress=options["progress"], **given,
        )  # fmt: skip
    if os.environ.get("RANK", "0") != "0":
        return 0
    output.say(f"each training's checkpoint, log, tables and curves are in {folder}")
    output.show(result)
    return 0 if all(run.training for row in result.rows for run in row.runs) else 1


def _seeds(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"--seeds {text!r} is no list of whole numbers: write --seeds 0,1,2"
        ) from error
