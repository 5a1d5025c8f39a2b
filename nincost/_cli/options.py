"""Options that several commands share, and what they mean everywhere."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from nincost._cli.language import LANG_OPTION, SPOKEN
from nincost._cli.stdout import (
    drop_stdout,
    is_terminal,
    later_prints_to_stderr,
    same_folder,
    stdout_to_stderr,
    write_stdout,
)
from nincost._cli.time_limit import time_limit
from nincost._files import check_writable, write_file
from nincost._result import (
    PICTURES,
    Result,
    check_format,
    find_renderer,
    formats,
    options_of,
    pick_format,
)
from nincost._signals import end_if_asked
from nincost.errors import InputError, OutputError, printable

F = TypeVar("F", bound=Callable[..., Any])


def model_options(function: F) -> F:
    """MODEL, --variant, --arg, --input and --batch-size."""
    return named_model_options(
        click.option(
            "-b", "--batch-size", type=int, default=1, show_default=True, metavar="N",
            help="Put N in front of each input shape.",
        )(function)
    )  # fmt: skip


def named_model_options(function: F) -> F:
    """MODEL, --variant, --arg and --input: of a command that has no batch size of its own."""
    for decorate in (
        click.option(
            "--input", "input", multiple=True, metavar="[NAME=]SHAPE[:DTYPE]",
            help="An input without its batch dimension, such as 3x224x224 or "
            "input_ids=128:int64; labels=batch:int64 is the batch alone, edge_index==2x100:int64 "
            "has none. Repeat for several. Default: what the model's source says.",
        ),
        click.option(
            "--arg", multiple=True, metavar="KEY=VALUE",
            help="A keyword argument for the model's factory, such as num_classes=10; repeatable.",
        ),
        click.option("--variant", metavar="NAME", help="A built-in variant; the same as MODEL."),
        click.argument("model", required=False),
    ):  # fmt: skip
        function = decorate(function)
    return function


def output_options(folder: str) -> Callable[[F], F]:
    """--format, --output, --force, --quiet, --verbose, --no-color and --timeout.

    The formats are those that the results of a folder of `nincost._render` have; with pictures
    among them comes --width.
    """
    found = formats(folder)
    pictures = (
        click.option(
            "--width", "picture_width", default="page", show_default=True, metavar="WIDTH",
            help="A picture's width: column (3.4 inches), page (7 inches), or a number of inches.",
        ),
    )  # fmt: skip
    decorators: tuple[Callable[[Any], Any], ...] = (
        click.option(
            "--timeout", type=float, metavar="SECONDS",
            help="Stop a model that takes longer, and name the layer it was in.",
        ),
        click.option(
            "--no-color", is_flag=True, help="No colours (so does the variable NO_COLOR)."
        ),
        click.option(
            "--verbose", is_flag=True, help="Explain on stderr how the result was obtained."
        ),
        click.option("--quiet", is_flag=True, help="Nothing on stderr but errors."),
        click.option("--force", is_flag=True, help="Overwrite an existing file."),
        click.option(
            "--output", "-o", metavar="FILE",
            help="Write to FILE, whole or not at all; its ending names the format.",
        ),
        click.option(
            "--format", "format_", type=click.Choice(found),
            help="Default: table, or by FILE's ending."
        ),
    )  # fmt: skip

    if folder in SPOKEN:
        decorators = (LANG_OPTION, *decorators)
    if set(PICTURES) <= set(found):
        decorators = (*pictures, *decorators)

    def decorate(function: F) -> F:
        for decorator in decorators:
            function = decorator(function)
        return function

    return decorate


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's result goes, and how."""

    format: str
    path: str | None
    force: bool
    quiet: bool
    verbose: bool
    color: bool
    width: int | None
    picture_width: str = "page"
    timeout: float | None = None

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Output:
        """Take the output options out of a command's own, and refuse a bad --output early.

        The formats are those of the folder with the command's name.
        """
        folder = click.get_current_context().command.name or ""
        if folder in SPOKEN:
            options.pop("lang")  # `main.py` has looked at it
        path = options.pop("output")
        force = options.pop("force")
        chosen = pick_format(options.pop("format_"), path, formats(folder))
        if path is not None:
            check_writable(path, force=force)
        picture_width = options.pop("picture_width", "page")
        if chosen in PICTURES:
            check_picture(picture_width)
        wants_color = not options.pop("no_color") and not os.environ.get("NO_COLOR")
        if path is None and sys.stdout is None:
            raise OutputError("standard output is closed: open it, or give --output FILE")
        terminal = path is None and is_terminal(sys.stdout)
        given = os.environ.get("COLUMNS", "")
        width = int(given) if given.isdecimal() and int(given) > 0 else None
        if terminal and width is None:
            width = shutil.get_terminal_size().columns
        output = cls(
            format=chosen,
            path=path,
            force=force,
            quiet=options.pop("quiet"),
            verbose=options.pop("verbose"),
            color=wants_color and terminal and os.environ.get("TERM") != "dumb",
            width=max(width, 40) if width else None,
            picture_width=picture_width,
            timeout=options.pop("timeout"),
        )
        if chosen in ("html", *PICTURES):
            check_format(folder, chosen)
            if path is None:
                output._refuse_terminal()
        return output

    def check_more_files(self, **paths: str | None) -> None:
        """Refuse early what cannot be written besides the result, by the name of its option.

        Raises:
            OutputError: a file cannot be written, or two would be one.
        """
        options = {"output": self.path, **paths}
        given = {name: path for name, path in options.items() if path is not None}
        where: dict[str, str] = {}
        for name, path in given.items():
            if name != "output":
                check_writable(path, force=self.force)
            other = where.setdefault(os.path.realpath(path), name)
            if other != name:
                raise OutputError(
                    f"--{other} and --{name} are one file, {path!r}: give each its own"
                )

    def show(self, result: Result, **options: Any) -> None:
        """Write the result in the format asked for; its renderer gets those options it has."""
        renderer = find_renderer(result.renderers, self.format)
        looks: dict[str, Any] = {"width": self.width, "color": self.color}
        if self.format in PICTURES:
            looks = {"width": self.picture_width}
        known = options_of(renderer)
        given = {name: value for name, value in (looks | options).items() if name in known}
        content = renderer(result, **given)
        if self.format == "html" and isinstance(content, str):
            content = content.encode()  # the page says that it is UTF-8
        self._write(content)

    def _write(self, content: str | bytes) -> None:
        """Print the result, or write it to the file."""
        end_if_asked()
        if self.path is not None:
            write_file(self.path, content, force=self.force)
            self.say(f"wrote {self.path}")
        elif isinstance(content, bytes):
            self._refuse_terminal()
            with self._stdout_errors():
                write_stdout(content)
        else:
            with self._stdout_errors():
                write_stdout(content.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
        atexit.register(later_prints_to_stderr)

    def _refuse_terminal(self) -> None:
        if is_terminal(sys.stdout):
            raise OutputError(f"a terminal cannot show {self.format}: give --output FILE")

    @contextlib.contextmanager
    def _stdout_errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:  # ValueError: stdout is closed
            drop_stdout()
            raise OutputError(
                "the result could not be written: "
                f"{getattr(error, 'strerror', None) or 'standard output is closed'}: "
                "free some space or give --output"
            ) from error

    def say(self, text: str) -> None:
        """A remark on stderr, unless --quiet."""
        if not self.quiet:
            with contextlib.suppress(OSError, ValueError):  # nobody reads it: a remark may go
                click.echo(f"nincost: {printable(text)}", err=True)

    def _progress(self) -> contextlib.AbstractContextManager[None]:
        """Shows how far a long command has come, unless --quiet."""
        if self.quiet:
            return contextlib.nullcontext()
        command = click.get_current_context().command.name or "nincost"
        dumb = os.environ.get("TERM") == "dumb"  # a terminal that cannot write a line again
        if dumb or not is_terminal(sys.stderr):
            from nincost._cli.progress_log import progress_logged

            return progress_logged(command)
        from nincost._cli.progress import progress_shown

        return progress_shown(command, color=not os.environ.get("NO_COLOR"))

    @contextlib.contextmanager
    def only_results_on_stdout(self) -> Iterator[None]:
        """Run a model here: its time is limited, and what it prints goes to stderr.

        Its warnings do so only with --verbose.
        """
        with (
            self._progress(),
            time_limit(self.timeout),
            same_folder(),
            stdout_to_stderr(),
            warnings.catch_warnings(),
        ):
            if not self.verbose:
                warnings.simplefilter("ignore")
            end_if_asked()
            yield
            end_if_asked()


def check_picture(width: str, path: str | None = None) -> None:
    """Refuse before the work is done what a picture could not be drawn with, or written to."""
    from nincost._render.figures.picture import picture_format
    from nincost._render.figures.style import inches

    inches(width)
    if path is not None:
        picture_format(path)


def pick_model(model: str | None, variant: str | None) -> str:
    """MODEL or --variant, or the default; both at once is a mistake."""
    if model is not None and variant is not None:
        raise InputError(f"both MODEL {model!r} and --variant {variant!r} are given: give one")
    from nincost._models.nin import DEFAULT_MODEL, get_variant

    if variant is not None:
        return get_variant(variant).name
    return DEFAULT_MODEL if model is None else model
