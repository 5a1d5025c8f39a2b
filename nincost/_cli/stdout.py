"""Keeps standard output for results, whatever a model does to it."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from typing import Any


def is_terminal(stream: Any) -> bool:
    """Whether somebody looks at a stream; of a closed one (`>&-`), which is None, nobody does."""
    return stream is not None and not stream.closed and bool(stream.isatty())


@contextlib.contextmanager
def same_folder() -> Iterator[None]:
    """Go back to where the command was called: --output is meant from there."""
    try:
        folder = os.open(".", os.O_RDONLY)
    except OSError:  # it cannot be read, or Windows
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.fchdir(folder)
        os.close(folder)


def write_stdout(content: bytes) -> None:
    """Write all of a result to stdout.

    Unbuffered (PYTHONUNBUFFERED), a write may be a short one: a disk is nearly full, a file may not
    grow, or stdout does not block and its reader is slow.

    Raises:
        OSError, ValueError: not all could be written.
    """
    sys.stdout.flush()
    stream: Any = sys.stdout.buffer
    left = memoryview(content)
    while left:
        try:
            written = stream.write(left)
        except BlockingIOError as error:
            written = error.characters_written
        if not written:
            select.select([], [stream], [], 1.0)
        left = left[written or 0 :]
    while True:
        try:
            stream.flush()
            return
        except BlockingIOError:
            select.select([], [stream], [], 1.0)


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send stdout to stderr, that of C code, too; closed inside or not, it is back afterwards."""
    stdout: Any = sys.stdout
    python = contextlib.redirect_stdout(sys.stderr)
    if stdout is None or stdout != sys.__stdout__:  # somebody's own object, as in tests
        with python:
            yield
        return
    try:
        number, encoding = stdout.fileno(), stdout.encoding
        stdout.flush()
        kept = os.dup(number)
    except (OSError, ValueError):  # there is none: writing will fail and say so
        with python:
            yield
        return
    try:
        os.dup2(2, number)
    except OSError:  # stderr is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    try:
        with python:
            yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            stdout.flush()  # what came in by sys.__stdout__
        os.dup2(kept, number)
        os.close(kept)
        if stdout.closed:
            sys.stdout = os.fdopen(number, "w", encoding=encoding, closefd=False)


def later_prints_to_stderr() -> None:
    """What a model left to be printed at exit must not follow the result."""
    stdout: Any = sys.stdout
    if stdout == sys.__stdout__:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stdout.flush()
            os.dup2(2, stdout.fileno())


def drop_stdout() -> None:
    """Let go of what could not be written, so that it isn't tried again while Python shuts down."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
