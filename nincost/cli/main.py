"""The `nincost` command: finds the subcommand, loads it alone, and turns errors into one line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from nincost.environment import __version__
from nincost.errors import InputError, NincostError, did_you_mean

#: Each subcommand's module in `nincost.cli`, and its line in `nincost --help`.
COMMANDS = {
    "profile": "Parameters, MACs and activations, layer by layer.",
    "memory": "The CUDA memory of a training step: how much, when, of what, and why.",
    "fit": "The largest batch that a card has memory for.",
    "validate": "Predicted against measured memory on this machine's GPU.",
    "check": "Hand formulas against the trace, fvcore and FlopCounterMode.",
    "explain": "The working of every number, with letters, then with numbers.",
    "audit": "Grades a hand calculation, term by term, and names each mistake.",
    "compare": "Models side by side, layer by layer and in total.",
    "report": "All of it on one page: tables and pictures in a single HTML file.",
    "variants": "The built-in models and where each comes from.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when called, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:
                return None
            raise InputError(
                f"there is no command {cmd_name!r}: choose {', '.join(COMMANDS)}"
                f"{did_you_mean(cmd_name, COMMANDS)}"
            )
        command = importlib.import_module(f"nincost.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: nincost profile --variant two-1x1 --input 1x224x224",
)
@click.version_option(
    __version__, "-V", "--version", prog_name="nincost", message="%(prog)s %(version)s"
)
def cli() -> None:
    """What a PyTorch model costs, layer by layer, before it touches a GPU."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 for success, 1 a failed check, 2 a user's mistake."""
    if arguments is None:
        arguments = sys.argv[1:]
    try:
        status = cli.main(
            args=list(arguments) or ["--help"], prog_name="nincost", standalone_mode=False
        )
        sys.stdout.flush()
    except click.exceptions.Abort:
        _fail("interrupted", 130)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context else ""
        _fail(f"{error.format_message().rstrip('.')}{hint}", error.exit_code)
    except NincostError as error:
        _fail(str(error.args[0] if error.args else error), error.exit_status, error.excerpt)
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int, excerpt: str = "") -> None:
    click.echo(f"nincost: error: {' '.join(message.split())}", err=True)
    if excerpt:
        click.echo(excerpt, err=True)
    sys.exit(status)
