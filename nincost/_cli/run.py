"""`nincost run`: a script, unchanged, on GPUs that are not there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from nincost import _units as units
from nincost._cli.options import Output, output_options
from nincost._cli.stdout import is_terminal
from nincost._cli.step_files import StepFiles, step_file_options
from nincost.errors import InputError

if TYPE_CHECKING:
    from nincost._emulator.supervise import Progress


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Examples:
  nincost run --gpu h100 train.py --batch-size 32
  nincost run --gpu h100 --ranks 512 -m torchtitan.train --module llama3 --config llama3_8b
  nincost run --gpu rtx4090 --steps 3 --budget 22GiB --format json train.py""",
)
@click.option(
    "--gpu", metavar="NAME",
    help="The card: h100, rtx4090, or a size such as 24GiB. Default: an 80 GB A100.",
)  # fmt: skip
@click.option(
    "--ranks", type=int, default=1, show_default=True, metavar="N",
    help="How many ranks the script sees; it is one of them.",
)  # fmt: skip
@click.option(
    "--ranks-per-node", type=int, default=8, show_default=True, metavar="N",
    help="How many of them share a machine.",
)  # fmt: skip
@click.option(
    "--rank", default="0", show_default=True, metavar="N,N",
    help="Which ranks are run, one after the other; all-different finds the kinds of ranks and "
    "runs one of each.",
)  # fmt: skip
@click.option(
    "--steps", type=int, default=3, show_default=True, metavar="N",
    help="End the script after N optimizer steps.",
)  # fmt: skip
@click.option(
    "--calls", type=int, metavar="N",
    help="End it after N calls of the outermost module, for scripts without an optimizer.",
)  # fmt: skip
@click.option("--until-exit", is_flag=True, help="Let the script end by itself.")
@click.option(
    "--until-repeated", is_flag=True, help="End it, too, when a whole step has set no new peak."
)
@click.option(
    "--budget", metavar="SIZE",
    help="Exit status 1 where the process needs more, such as 22GiB.",
)  # fmt: skip
@click.option(
    "--capacity", metavar="SIZE",
    help="What the card has, where not its own memory: unlimited goes on past its end, and finds "
    "how much the script needs.",
)  # fmt: skip
@click.option(
    "--assume", default="all", show_default=True, metavar="all|half|none|FRACTION",
    help="How much of a mask is set whose values only a card would know (nonzero, masks, unique).",
)  # fmt: skip
@click.option(
    "--routing", default="balanced", show_default=True, metavar="balanced|first",
    help="How a router chooses experts: each alike, or the first ones for all.",
)  # fmt: skip
@click.option(
    "--initialize", is_flag=True,
    help="Fill large tensors on the CPU as ever; else their initializers are skipped.",
)  # fmt: skip
@click.option(
    "--time", is_flag=True,
    help="Predict how long a step takes, too, from what one step more launches on the card.",
)  # fmt: skip
@step_file_options(snapshot="Write PyTorch's own snapshot, for pytorch.org/memory_viz.")
@click.option(
    "--top", type=int, default=8, show_default=True, metavar="N", help="Rows in each table."
)
@click.option(
    "--python", metavar="FILE", help="The interpreter whose torch runs SCRIPT. Default: this one."
)
@click.option("-m", "module", is_flag=True, help="SCRIPT is a module, as after python -m.")
@output_options("run")
@click.argument("script", required=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def command(script: str | None, args: tuple[str, ...], **options: Any) -> int:
    """Run SCRIPT, unchanged, on a GPU that is not there, and report the memory that it takes.

    PyTorch's own CUDA code runs, with kernels that do nothing: everything it allocates is allocated
    as on the card. Whatever stands behind SCRIPT is the script's own. Its output goes to stderr.
    """
    output = Output.from_options(options)
    files, top = StepFiles.from_options(output, options), options.pop("top")
    if script is None:
        raise InputError(
            "no script is given: nincost run --gpu h100 train.py, or nincost run -m package.train"
        )
    from nincost._emulator.run import run

    line = _ProgressLine(output)
    try:
        result = run(
            script,
            args,
            timeout=output.timeout,
            progress=line.show,
            **options,
        )
    finally:
        line.clear()
    files.write(result, output)
    if result.failure:
        output.say(result.failure)
    output.show(result, top=top)
    return result.exit_status


class _ProgressLine:
    """Where the script is, on one line of a terminal; nothing elsewhere."""

    def __init__(self, output: Output) -> None:
        stderr = sys.stderr
        self._shows = not output.quiet and is_terminal(stderr)
        self._write: Callable[[str], Any] = stderr.write if self._shows else str

    def show(self, progress: Progress) -> None:
        if self._shows:
            self._write(
                f"\r\x1b[K[nincost] rank {progress.rank}, {progress.phase} of step "
                f"{progress.step + 1}, {units.size(progress.bytes)} now"
            )
            sys.stderr.flush()

    def clear(self) -> None:
        if self._shows:
            self._write("\r\x1b[K")
            sys.stderr.flush()
