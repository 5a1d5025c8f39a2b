"""What nincost raises for a mistake that a person can mend.

Each message says what was wrong, what was expected and what to try. The command line prints the
message on one line and exits with the error's `exit_status`; nothing else needs to know about it.
"""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterable, Iterator


class NincostError(Exception):
    """Base of every error that nincost raises on purpose."""

    exit_status = 2
    #: Lines to show below the message, such as a formula with a caret under the place.
    excerpt = ""


class ModelError(NincostError):
    """The model could not be found, built or run."""


class InputError(NincostError):
    """An input spec, batch size or option does not fit."""


class ExpressionError(InputError):
    """A hand calculation could not be read; `excerpt` shows the place with a caret under it."""

    def __init__(self, message: str, excerpt: str = "") -> None:
        super().__init__(message)
        self.excerpt = excerpt

    def __str__(self) -> str:
        message = str(self.args[0])
        return f"{message}\n{self.excerpt}" if self.excerpt else message


class OutputError(NincostError):
    """A result could not be written where it was asked to go."""


class UncountedError(NincostError):
    """`strict` was asked for and an operator that does arithmetic has no formula."""

    exit_status = 1


class TorchVersionError(NincostError):
    """The installed torch lacks something that nincost relies on and torch does not promise."""


class TrainingError(NincostError):
    """A training could not go on, by no fault of its settings' form: its loss is no number."""

    exit_status = 1


class InterruptedTrainingError(TrainingError):
    """A training was stopped by Ctrl-C or a signal; the message says how to go on."""

    exit_status = 130


class NotFollowedError(InputError):
    """A step has what is followed neither on the meta device nor on the CPU, but is on CUDA.

    Attributes:
        what: its name, such as `sparse tensors`.
    """

    def __init__(self, message: str, what: str) -> None:
        super().__init__(message)
        self.what = what


class EmulatorError(NincostError):
    """The emulated GPU cannot be made or run on this machine."""


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """The names in `known` that look most like `name`, best first."""
    return difflib.get_close_matches(name, list(known), n=limit, cutoff=0.5)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing where no known name is near."""
    close = nearest(name, known, limit=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


class Interruption(BaseException):
    """The run is to end now, whatever the model makes of it; `where` says what was running.

    No `Exception`, as a model's own `except Exception` must not swallow it.
    """

    where = ""


class TimeUp(Interruption):
    """The command's `--timeout` is over."""


class Terminated(Interruption):
    """The process was asked to end (SIGTERM)."""


#: What passes through every handler: it comes from the user, and is no failure of the model's.
STOPS = (KeyboardInterrupt, Interruption)


@contextlib.contextmanager
def stopped_in(what: str) -> Iterator[None]:
    """Note in an interruption that passes through what was running."""
    try:
        yield
    except Interruption as stop:
        stop.where = stop.where or what
        raise


def printable(text: str) -> str:
    """The text with every character that a terminal would act on, or not show, as its escape.

    Names of layers and files may hold anything: a line feed, an escape sequence, half a surrogate.
    """
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def one_line(error: BaseException, *, limit: int = 160) -> str:
    """The first non-empty line of an exception's text, cut at `limit`, or its type's name."""
    try:
        lines = str(error).splitlines()
    except STOPS:
        raise
    except BaseException:  # a model's own exception class may fail at that
        lines = []
    for line in lines:
        text = printable(line.strip()[: limit + 1])
        if text:
            return text if len(text) <= limit else f"{text[: limit - 3]}..."
    return printable(type(error).__name__)


def described(error: BaseException) -> str:
    """`ValueError: its first line`, or the type alone where it has no text."""
    kind, text = printable(type(error).__name__), one_line(error)
    return kind if text == kind else f"{kind}: {text}"


_STDLIB = os.path.dirname(os.__file__)


def place_of(error: BaseException) -> str:
    """` (net.py, line 12)`: the last line of the traceback that is the user's own code, or nothing.

    What lies in an installed package or in nincost is no place that the user could mend.
    """
    found, step = "", error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        ours = str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "nincost"
        if not ours and not name.startswith(("<", _STDLIB)) and "site-packages" not in name:
            found = f" ({printable(os.path.basename(name))}, line {step.tb_lineno})"
        step = step.tb_next
    return found
