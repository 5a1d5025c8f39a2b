"""The file in which a sweep keeps what it has answered, a line a cell, so that it can be resumed.

A line is written and synced before the next cell is counted as done. A process that is killed while
it writes leaves a line that is not whole: it is cut off when the file is opened again, and its cell
is predicted again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from nincost._files import lock
from nincost._plan.cells import Answer
from nincost.errors import OutputError

#: The first line of a journal.
_HEADER = b'{"nincost_sweep": 1}\n'


class Journal:
    """Answers by the key of their cell; those of other sweeps, too."""

    def __init__(self, file: IO[bytes] | None, known: dict[str, Answer]) -> None:
        self._file = file
        self.known = known

    def add(self, key: str, answer: Answer) -> None:
        """Keep an answer.

        Raises:
            OutputError: the disk is full, or the file cannot be written.
        """
        self.known[key] = answer
        if self._file is None:
            return
        try:
            self._file.write(json.dumps({"key": key, **answer.to_dict()}).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(
                f"the sweep's journal could not be written: {error.strerror or error}: free some "
                "space and run the sweep again, which goes on"
            ) from error


@contextlib.contextmanager
def open_journal(path: Path | None) -> Iterator[Journal]:
    """A journal, made where there is none, and locked; None keeps answers in memory alone.

    Raises:
        OutputError: it cannot be written, is no journal, or another sweep writes it.
    """
    if path is None:
        yield Journal(None, {})
        return
    try:
        file = open(path, "a+b")  # noqa: SIM115 - closed below
    except OSError as error:
        raise OutputError(
            f"the sweep's journal {str(path)!r} cannot be written: {error.strerror or error}: give "
            "--journal FILE"
        ) from error
    with file:
        if lock(file) is False:
            raise OutputError(
                f"another sweep writes {str(path)!r}: wait for it, or give --journal FILE"
            )
        yield Journal(file, _read(file, path))


def _read(file: IO[bytes], path: Path) -> dict[str, Answer]:
    """The answers of a journal; what is left of a line that was not written to its end goes."""
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    lines = content[:whole].splitlines(keepends=True)
    if (lines and lines[0] != _HEADER) or (not lines and not _HEADER.startswith(content)):
        raise OutputError(f"{str(path)!r} is no journal of a sweep: give another --journal FILE")
    if whole < len(content):
        file.truncate(whole)
    if not lines:
        file.write(_HEADER)
        file.flush()
    return dict(_answer(line) for line in lines[1:])


def _answer(line: bytes) -> tuple[str, Answer]:
    kept: dict[str, Any] = json.loads(line)
    return kept["key"], Answer(
        kept["reason"], kept["figures"], tuple(kept["uncounted"]), kept["seconds"]
    )
