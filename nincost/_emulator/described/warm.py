"""A process with all imported, forked for each rank: a question takes the time of its steps."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from nincost._devices.cards import Gpu
from nincost._emulator.launch import environment
from nincost._emulator.observe.observer import Orders
from nincost._emulator.process_tree import tree_command
from nincost._emulator.supervise import Finished, Progress, end_tree, stderr_descriptor
from nincost.errors import ModelError

#: Devices that its processes see: as many as a machine has.
DEVICES = 8


class WarmProcess:
    """A process on an emulated card, forked for each rank; a context, which ends it and its forks.

    Several threads may ask at once.

    Args:
        gpu: the card.
        variables: that stand in the environment from its start.

    Raises:
        EmulatorError: there can be no emulated GPU here.
    """

    def __init__(self, gpu: Gpu, variables: Mapping[str, str]) -> None:
        self._own = dict(variables)
        self.variables = {
            **environment(gpu, devices=DEVICES, assume="all", routing="balanced"), **variables,
            "OMP_NUM_THREADS": "1",  # threads would not be there in a fork
        }  # fmt: skip
        reader, writer = os.pipe()
        try:
            self._process = subprocess.Popen(
                tree_command(
                    sys.executable,
                    [
                        sys.executable, "-m", "nincost._emulator.described.warm_process",
                        str(writer),
                    ],
                ),
                env=self.variables, stdin=subprocess.PIPE, stdout=stderr_descriptor(),
                pass_fds=(writer,), process_group=0,
            )  # fmt: skip
        finally:
            os.close(writer)
        self._answers = open(reader, encoding="utf-8")  # noqa: SIM115 - closed in __exit__
        self._lock = threading.Lock()
        self._waiting: dict[int, threading.Event] = {}
        self._found: dict[int, int] = {}
        self._count = 0
        self._reader = threading.Thread(target=self._read, name="nincost-warm", daemon=True)
        self._reader.start()

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        end_tree(self._process)
        self._reader.join()
        self._answers.close()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def run(
        self,
        command: Sequence[str],
        orders: Orders,
        variables: Mapping[str, str],
        *,
        python: str,
        progress: Callable[[Progress], None] | None,
        rank: int,
    ) -> Finished:
        """As `supervise.run_script`, in a fork.

        Raises:
            ModelError: the process that is forked has ended.
        """
        with tempfile.TemporaryDirectory(prefix="nincost-run-") as folder:
            output = Path(folder) / "recording"
            question = {
                "command": list(command),
                "orders": asdict(replace(orders, output=str(output))),
                "variables": self._of_a_rank(variables),
                "job": command[2] if list(command[:1]) == ["-m"] else "",
            }
            status = self._ask(question)
            recording = None
            if output.exists():
                recording = pickle.loads(output.read_bytes())  # nosec B301: our own file
        return Finished(recording, status, f"rank {rank}", False)

    def run_quick(self, job: str, variables: Mapping[str, str]) -> dict[str, Any] | None:
        """What `quick.py` writes of a job; None where its process left nothing.

        Raises:
            ModelError: the process that is forked has ended.
        """
        with tempfile.TemporaryDirectory(prefix="nincost-run-") as folder:
            output = Path(folder) / "answer"
            question = {
                "command": ["-m", "", job, str(output)], "orders": None, "job": job,
                "variables": self._of_a_rank(variables),
            }  # fmt: skip
            self._ask(question)
            if not output.exists():
                return None
            answer: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
            return answer

    def accompany(self, _python: str, command: Sequence[str], variables: Mapping[str, str]) -> Fork:
        """Start a rank that is not observed, as another one waits for what it sends."""
        question = {
            "command": list(command), "orders": None, "unobserved": True,
            "variables": self._of_a_rank(variables),
            "job": command[2] if list(command[:1]) == ["-m"] else "",
        }  # fmt: skip
        number, done = self._send(question)
        return Fork(self, number, done)

    def end(self, number: int) -> None:
        """End the fork of a question before it ends by itself."""
        with self._lock:
            self._write({"end": number})

    def status(self, number: int) -> int:
        """The exit status of a fork that has ended.

        Raises:
            ModelError: the process that is forked has ended.
        """
        if number not in self._found:
            raise ModelError(
                "the process that runs steps on the emulated GPU has ended "
                f"(exit status {self._process.wait()}): its last lines above may say why"
            )
        return self._found[number]

    def _of_a_rank(self, wanted: Mapping[str, str]) -> dict[str, str]:
        devices = self.variables["NINCOST_EMULATED_DEVICES"]
        return {**wanted, **self._own, "NINCOST_EMULATED_DEVICES": devices}

    def _ask(self, question: dict[str, Any]) -> int:
        number, done = self._send(question)
        done.wait()
        return self.status(number)

    def _send(self, question: dict[str, Any]) -> tuple[int, threading.Event]:
        done = threading.Event()
        with self._lock:
            number = self._count = self._count + 1
            self._waiting[number] = done
            if not self._write({**question, "number": number}):
                done.set()
        return number, done

    def _write(self, line: dict[str, Any]) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return False
        return True

    def _read(self) -> None:
        for line in self._answers:
            number, status = json.loads(line)
            self._found[number] = status
            self._waiting.pop(number).set()
        with self._lock:
            for event in self._waiting.values():
                event.set()


@dataclass(frozen=True, slots=True)
class Fork:
    """A rank that is not observed, with what `subprocess.Popen` has."""

    process: WarmProcess
    number: int
    done: threading.Event

    def poll(self) -> int | None:
        return self.process.status(self.number) if self.done.is_set() else None

    def terminate(self) -> None:
        if not self.done.is_set():
            self.process.end(self.number)

    def wait(self) -> int:
        self.done.wait()
        return self.process.status(self.number)
