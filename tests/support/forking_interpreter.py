"""An interpreter on the emulated GPU with torch imported, forked for each piece of code.

`python forking_interpreter.py`: each line of its input is a question as JSON, each line of its
output the exit status of a fork. It imports what questions name before it forks, and uses no GPU
itself, so that each fork begins as a process that has only imported.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

import torch

from nincost._emulator.described.before_fork import CardBeforeFork
from nincost._emulator.ranks import world

#: After which a fork that hangs is ended.
_SECONDS = 600

_CARD = CardBeforeFork()


def main() -> None:
    """Answer until the input ends."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library says as it is imported is no answer
    importlib.import_module("torch._dynamo")  # as an optimizer does
    _CARD.install()
    for line in sys.stdin:
        question = json.loads(line)
        for name in question["imports"]:
            importlib.import_module(name)
        pid = os.fork()
        if pid == 0:
            os.close(answers)
            _become(question)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(answers, f"{status}\n".encode())


def _become(question: dict[str, Any]) -> NoReturn:
    """Run the code as `python -c` would, its output written to the files named."""
    signal.alarm(_SECONDS)
    for number, path in ((0, os.devnull), (1, question["out"]), (2, question["err"])):
        os.dup2(os.open(path, os.O_RDWR), number)
    _CARD.remove()
    os.environ.clear()
    os.environ.update(question["variables"])
    ctypes.CDLL(None).nincost_emulated_settle()
    world.install(torch)
    sys.argv[:] = ["-c", *question["arguments"]]
    status = 0
    try:
        exec(compile(question["code"], "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as request:
        status = request.code if isinstance(request.code, int) else 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
