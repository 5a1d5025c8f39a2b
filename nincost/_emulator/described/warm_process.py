"""The process that has torch and a model imported, and is forked for each rank that is asked for.

`python -m nincost._emulator.described.warm_process ANSWERS`: a question is a line of JSON on stdin
(`warm.py` writes it), and its number and the status that its process ended with are a line on the
descriptor ANSWERS; a line with `end` ends the process of one. Nothing here touches the device: each
forked process finds it as a fresh one. Where a model's own file touches it when it is imported,
CUDA refuses to run in a fork: then each question gets a process that starts anew.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import runpy
import select
import signal
import sys
from typing import Any, NoReturn

import torch

from nincost._emulator.described import quick, step_script
from nincost._emulator.described.before_fork import CardBeforeFork
from nincost._emulator.observe import script as observed_script
from nincost._emulator.observe.observer import Orders
from nincost._emulator.ranks import world
from nincost._isolation import logging_from
from nincost._torch.loggers import REGISTRATIONS
from nincost._torch.process import cuda_refuses_fork
from nincost._torch.updates import import_compiler

_CARD = CardBeforeFork()


def main() -> None:
    """Answer questions until stdin is closed."""
    _import_what_steps_need()
    _CARD.install()
    gc.collect()
    gc.freeze()  # so that a fork copies no page because the collector looks at it
    answers = int(sys.argv[1])
    running: dict[int, tuple[int, int]] = {}  # by the descriptor of a process: its number, its id
    rest = b""
    while True:
        ready, _, _ = select.select([0, *running], [], [])
        for descriptor in ready:
            if descriptor in running:
                number, pid = running.pop(descriptor)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.close(descriptor)
                os.write(answers, f"{json.dumps([number, status])}\n".encode())
        if 0 in ready:
            part = os.read(0, 1 << 16)
            if not part:
                return
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                question = json.loads(line)
                if "end" in question:
                    for number, pid in running.values():
                        if number == question["end"]:
                            os.kill(pid, signal.SIGKILL)
                    continue
                if question["job"]:
                    step_script.prepare(question["job"])
                pid = os.fork()
                if pid == 0:
                    for descriptor in [answers, *running]:
                        os.close(descriptor)
                    _become(question)
                running[os.pidfd_open(pid)] = (question["number"], pid)


def _import_what_steps_need() -> None:
    """Modules that a step on many ranks imports while it runs."""
    import torch.distributed.fsdp
    import torch.distributed.optim
    import torch.distributed.tensor.parallel
    import torch.utils.checkpoint  # noqa: F401

    import_compiler()


def _become(question: dict[str, Any]) -> NoReturn:
    """Go on as the process of a rank that was just started."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # what goes wrong is in the recording
        os.dup2(null, descriptor)
    if cuda_refuses_fork():
        os.execve(sys.executable, [sys.executable, *_command(question)], question["variables"])
    _CARD.remove()
    os.environ.clear()
    os.environ.update(question["variables"])
    os.environ.pop("LD_PRELOAD", None)  # which only the start of a process needs
    ctypes.CDLL(None).nincost_emulated_settle()
    world.install(torch)
    if question.get("unobserved"):
        _run_unobserved(question["command"])
    if question["orders"] is None:
        sys.argv[:] = question["command"][1:]
        quick.main()
    observed_script.run_observed(Orders(**question["orders"]), question["command"])


def _command(question: dict[str, Any]) -> list[str]:
    """What Python runs for a question, in a process of its own."""
    command: list[str] = question["command"]
    if question.get("unobserved"):
        return command
    if question["orders"] is None:
        return ["-m", quick.__name__, *command[2:]]
    return ["-m", observed_script.__name__, json.dumps(question["orders"]), *command]


def _run_unobserved(command: list[str]) -> NoReturn:
    """Run a command of Python's as it would."""
    try:
        if command[0] == "-m":
            sys.argv[:] = command[1:]
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv[:] = command
            runpy.run_path(command[0], run_name="__main__")
    finally:
        os._exit(0)  # nobody asks how it ended: what it sends is there, or is not


if __name__ == "__main__":
    with logging_from(logging.ERROR, REGISTRATIONS):
        main()
