"""The `nincost` command: finds the subcommand, loads it alone, and turns errors into one line."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from nincost._chinese.translate import say, speaking
from nincost._cli.language import asked_language
from nincost._cli.stdout import drop_stdout
from nincost._cli.time_limit import end_soon
from nincost._environment import __version__
from nincost._isolation import logging_from
from nincost._old_option_names import refuse_renamed
from nincost._signals import end_if_asked, ending_on_signals
from nincost._torch.loggers import REGISTRATIONS
from nincost.errors import (
    InputError,
    Interruption,
    NincostError,
    Terminated,
    described,
    did_you_mean,
    place_of,
    printable,
)

#: Each subcommand's module in `nincost._cli`, and its line in `nincost --help`.
COMMANDS = {
    "profile": "Parameters, MACs and activations, layer by layer.",
    "memory": "The CUDA memory of a training step: how much, when, and what for.",
    "fit": "The largest batch that fits a GPU.",
    "time": "How long a training step takes on a GPU, and what bounds it.",
    "plan": "Ways to train a model on a number of GPUs, by memory.",
    "sweep": "Many models, settings and cards in one table, here or on a cluster.",
    "run": "A script, unchanged, on emulated GPUs: the memory it takes, line by line.",
    "validate": "Predicted against measured memory on this machine's GPU.",
    "check": "Hand formulas against the trace, fvcore and FlopCounterMode.",
    "explain": "The working of every number, with symbols, then with numbers.",
    "audit": "Grades a hand calculation, term by term, and names each mistake.",
    "compare": "Models side by side, layer by layer and in total.",
    "report": "All of it on one page: tables and pictures in a single HTML file.",
    "train": "Trains on Fashion-MNIST: loss, accuracy, speed and memory.",
    "variants": "The built-in models and where each comes from.",
}


class _Interrupted(Interruption):
    """Ctrl-C. Click would print an empty line for `KeyboardInterrupt`."""


class _PipeClosed(Interruption):
    """The reader (`| head`) has gone. Click would end with 1, which says that a check failed."""


class LazyGroup(click.Group):
    """A group whose commands are imported only when called, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:
                return None
            raise InputError(_no_command(cmd_name))
        command = importlib.import_module(f"nincost._cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        end_if_asked()  # what is imported may ignore any error
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interrupted from error
        except BrokenPipeError as error:
            raise _PipeClosed from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _no_command(name: str) -> str:
    """What to type in the place of a word that is no command; it may be a model's name."""
    close = did_you_mean(name, COMMANDS)
    if not close:
        from nincost._models.sources import is_model_name

        if is_model_name(name):
            return (
                f"{name!r} is a model, and what to do with it is missing: nincost profile {name} "
                f"(or memory, fit, report, ...; see nincost --help)"
            )
    return f"there is no command {name!r}: choose {', '.join(COMMANDS)}{close}"


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
    """Run the command line and exit: 0 for success, 1 a failed check, 2 a user's mistake.

    130 where it was interrupted, 143 where it was terminated, as shells have it. Without arguments
    it is the process's own command, with which the process ends, whatever a model left running.
    """
    status = _status(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        end_soon(status)
    sys.exit(status)


def _status(arguments: Sequence[str]) -> int:
    with speaking(asked_language(arguments)), logging_from(logging.ERROR, REGISTRATIONS):
        return _status_of(arguments)


def _status_of(arguments: Sequence[str]) -> int:
    try:
        with ending_on_signals(), _renamed_options_named():
            status = cli.main(
                args=list(arguments) or ["--help"], prog_name="nincost", standalone_mode=False
            )
            if sys.stdout is not None and not sys.stdout.closed:
                sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt, _Interrupted):
        return _fail("interrupted", 130)
    except Terminated:
        return _fail("terminated", 143)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context else ""
        return _fail(f"{error.format_message().rstrip('.')}{hint}", error.exit_code)
    except NincostError as error:
        message = str(error.args[0] if error.args else error)
        return _fail(message, error.exit_status, error.excerpt)
    except (BrokenPipeError, _PipeClosed):
        drop_stdout()
        return 0
    except Exception as error:
        # A mistake in nincost, or something of the model's that was met outside its run. Not 1:
        # that says that a check failed.
        if os.environ.get("NINCOST_TRACEBACK"):
            raise
        return _fail(
            f"{described(error)}{place_of(error)}: this should not happen; set "
            "NINCOST_TRACEBACK=1 to see where, and report it if it is not the model's own",
            2,
        )


@contextlib.contextmanager
def _renamed_options_named() -> Iterator[None]:
    """Name the new option where an unknown one is the old name of it."""
    try:
        yield
    except click.NoSuchOption as error:
        refuse_renamed(error.option_name)
        raise


def _fail(message: str, status: int, excerpt: str = "") -> int:
    """Write an error's line on stderr, and what stands below it."""
    lines = [f"{say('nincost: error: ')}{printable(say(' '.join(message.split())))}"]
    lines += [_shown(line) for line in excerpt.splitlines()]
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr is closed, too
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
    return status


def _shown(line: str) -> str:
    """A line of a calculation, character for character, as a caret stands below it."""
    return "".join([c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line])
