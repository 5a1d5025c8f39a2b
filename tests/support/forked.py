"""Runs the command in a fork of the test's process: its own stdout, signals and exit, and quick."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Forked:
    """How it ended (negative: by a signal), what it wrote, and how long it took."""

    status: int
    out: bytes
    err: str
    seconds: float


def run_forked(
    *arguments: str,
    cwd: Path | None = None,
    signals: tuple[tuple[float, int], ...] = (),
    before: Callable[[], object] | None = None,
    limit: float = 60,
    unbuffered: bool = False,
) -> Forked:
    """`nincost ARGUMENTS...`, with each of `signals` sent after its number of seconds.

    `before` is called in the child first; `unbuffered` is PYTHONUNBUFFERED=1. A child that is
    not done after `limit` seconds is killed.
    """
    import nincost._cli.profile  # not in each child
    import nincost._profile.profile
    import nincost._trace.trace  # noqa: F401

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        ready, begun = os.pipe()
        child = os.fork()
        if child == 0:
            _child(arguments, cwd, before, out.fileno(), err.fileno(), begun, unbuffered=unbuffered)
        os.close(begun)
        os.read(ready, 1)
        os.close(ready)
        started = time.monotonic()
        waiting = sorted(signals)
        ended = 0
        while not ended:
            ended, status = os.waitpid(child, os.WNOHANG)
            now = time.monotonic() - started
            while waiting and now >= waiting[0][0]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, waiting.pop(0)[1])
            if now > limit:
                os.kill(child, 9)
            if not ended:
                time.sleep(0.001 if waiting else 0.01)
        out.seek(0)
        err.seek(0)
        return Forked(
            os.waitstatus_to_exitcode(status), out.read(), err.read().decode(errors="replace"), now
        )


def _child(
    arguments: tuple[str, ...],
    cwd: Path | None,
    before: Callable[[], object] | None,
    out: int,
    err: int,
    begun: int,
    *,
    unbuffered: bool,
) -> None:
    """Never returns: pytest must not go on twice."""
    status = 97
    try:
        import torch

        from nincost._cli.main import run

        torch.set_num_threads(1)  # a fork has none of OpenMP's threads
        for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        if cwd is not None:
            os.chdir(cwd)
        if before is not None:
            before()
        # As Python sets them up: pytest captures by other objects.
        sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
        if unbuffered:
            raw = os.fdopen(1, "wb", buffering=0, closefd=False)
            sys.stdout = io.TextIOWrapper(raw, write_through=True)  # type: ignore[arg-type]
        sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            os.close(begun)
            run(list(arguments))
        except SystemExit as exit_:
            status = exit_.code if isinstance(exit_.code, int) else 0
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
            sys.stderr.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _stream(number: int, mode: str) -> Any:
    try:
        os.fstat(number)
    except OSError:
        return None
    return os.fdopen(number, mode, closefd=False)
