"""What nincost raises for a mistake that a person can mend.

Each message says what was wrong, what was expected and what to try. The command line prints the
message on one line and exits with the error's `exit_status`; nothing else needs to know about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """The names in `known` that look most like `name`, best first."""
    return difflib.get_close_matches(name, list(known), n=limit, cutoff=0.5)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing where no known name is near."""
    close = nearest(name, known, limit=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def one_line(error: BaseException, *, limit: int = 160) -> str:
    """The first non-empty line of an exception's text, cut at `limit`, or its type's name."""
    for line in str(error).splitlines():
        text = line.strip()
        if text:
            return text if len(text) <= limit else f"{text[: limit - 3]}..."
    return type(error).__name__
