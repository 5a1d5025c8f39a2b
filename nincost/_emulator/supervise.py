"""Starts the process of a script, follows it, and sees that it ends with all that it started."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nincost._emulator.failure import killed
from nincost._emulator.observe.end import GRACE
from nincost._emulator.observe.observer import Orders
from nincost._emulator.process_tree import tree_command
from nincost._emulator.ranks.journal import JOURNAL
from nincost._signals import request_granted
from nincost.errors import Terminated

_SIGNALS_AFTER = GRACE + 5


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a rank's script is: its phase, finished steps, calls, and bytes allocated now."""

    rank: int
    phase: str
    step: int
    call: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """What a rank's process left: its recording (None where it left none), and how it ended."""

    recording: Mapping[str, Any] | None
    status: int
    phase: str
    interrupted: bool

    @property
    def snapshot(self) -> bytes | None:
        """torch's snapshot, pickled as `torch.cuda.memory._dump_snapshot` does."""
        if self.recording is None or self.recording["snapshot"] is None:
            return None
        return pickle.dumps(self.recording["snapshot"])

    def describe(self, script: str) -> str:
        """Why there is no recording."""
        return killed(script, self.status, self.phase)


def run_script(
    command: Sequence[str],
    orders: Orders,
    variables: Mapping[str, str],
    *,
    python: str,
    progress: Callable[[Progress], None] | None,
    rank: int,
) -> Finished:
    """Run a script until it ends, is ended, Ctrl-C or SIGTERM; its output goes to stderr."""
    reader, writer = os.pipe()
    control, asking = os.pipe()
    last = Progress(rank, "model", 0, 0, 0)
    interrupted = terminated = False
    with (
        tempfile.TemporaryDirectory(prefix="nincost-run-") as folder,
        open(reader, encoding="utf-8", errors="replace") as lines,
        open(asking, "wb", buffering=0) as ask,
    ):
        output = Path(folder) / "recording"
        orders = replace(orders, output=str(output), progress=writer, control=control)
        arguments = [
            python,
            "-m",
            "nincost._emulator.observe.script",
            json.dumps(asdict(orders)),
            *command,
        ]
        # Whatever it starts ends with this process, also where that is killed.
        folders = [folder, variables.get(JOURNAL, "")]
        in_a_tree = tree_command(python, arguments, folders)
        with _process(in_a_tree, dict(variables), (writer, control)) as process:
            try:
                for line in _lines(lines, process, orders.timeout):
                    with contextlib.suppress(ValueError, TypeError):
                        last = Progress(rank, **json.loads(line))
                        if progress is not None:
                            progress(last)
            except (KeyboardInterrupt, Terminated) as stop:
                interrupted, terminated = True, isinstance(stop, Terminated)
                request_granted()
                ask.write(b"!")
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_SIGNALS_AFTER)
        recording = None
        with contextlib.suppress(OSError):
            recording = pickle.loads(output.read_bytes())  # nosec B301: our own file
            if terminated and recording["ended"]["how"] == "interrupt":
                recording["ended"]["how"] = "terminated"
    return Finished(recording, process.returncode, last.phase, interrupted)


@contextlib.contextmanager
def _process(
    command: list[str], variables: dict[str, str], descriptors: tuple[int, ...]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, all of which is ended on leaving."""
    try:
        process = subprocess.Popen(
            command,
            env=variables,
            stdout=stderr_descriptor(),
            pass_fds=descriptors,
            process_group=0,
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    try:
        yield process
    finally:
        end_tree(process)


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """End a process that has a group of its own, and all that is in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stderr_descriptor() -> int:
    """Where a script's output goes, which is no part of the result."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # a notebook, or closed
        return 2


def _lines(reader: Any, process: subprocess.Popen[bytes], timeout: float | None) -> Iterator[str]:
    """Lines of progress until the process ends; one that hangs after its time is given up."""
    began = time.monotonic()
    while True:
        ready, _, _ = select.select([reader], [], [], 0.25)
        if ready:
            line = reader.readline()
            if line:
                yield line
                continue
        if process.poll() is not None:
            return
        if ready:
            time.sleep(0.05)  # the script has closed the pipe
        if timeout is not None and time.monotonic() - began > timeout + _SIGNALS_AFTER:
            return
