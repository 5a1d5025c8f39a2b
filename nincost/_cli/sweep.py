"""`nincost sweep`: many predictions in one table."""

from __future__ import annotations

from typing import Any

import click

from nincost._cli.options import Output, output_options


@click.command(
    "sweep",
    epilog="""\b
Examples:
  nincost sweep zoo.toml --output zoo.csv
  nincost sweep zoo.toml --cluster slurm --workers 20 --output zoo.parquet""",
)
@click.argument("file", metavar="FILE.toml")
@click.option(
    "--journal", metavar="FILE",
    help="Keeps what is answered, so that a sweep goes on where it was. Default: FILE.sweep.jsonl, "
    "beside FILE.toml.",
)  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Predict again what failed before.")
@click.option(
    "--trust", is_flag=True,
    help="Let FILE.toml name models of files and modules, whose code runs.",
)  # fmt: skip
@click.option(
    "--workers",
    type=int,
    metavar="N",
    help="Processes. Default: a core each; slurm and k8s need it.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="A Dask cluster that runs, such as tcp://10.0.0.5:8786."
)
@click.option(
    "--cluster", metavar="KIND",
    help="Start a Dask cluster: local, slurm (dask-jobqueue) or k8s (dask-kubernetes), each by its "
    "own configuration.",
)  # fmt: skip
@click.option(
    "--top", type=int, default=40, show_default=True, metavar="N", help="Rows in the table."
)
@output_options("sweep")
def command(file: str, **options: Any) -> None:
    """Predict models x settings x cards of FILE.toml by any of profile, memory, fit and time.

    A cell that fails is a row with its reason. Run the same command again after it was stopped: it
    goes on.
    """
    output = Output.from_options(options)
    top = options.pop("top")
    from nincost._plan.sweep import sweep

    with output.only_results_on_stdout():
        result = sweep(file, **options)
    totals = result.totals
    if totals.resumed:
        output.say(f"{totals.resumed} of {totals.cells} cells were in {result.journal}")
    if totals.failed:
        output.say(f"{totals.failed} of {totals.cells} cells failed: the column reason says why")
    output.show(result, top=top)
