"""Python code run on the emulated GPU, in a process of its own or in a fork of one."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from nincost._devices.cards import get_gpu
from nincost._emulator.launch import environment
from nincost._emulator.library import library
from nincost.errors import EmulatorError

#: The card of forks, and how many each sees.
GPU, DEVICES = "h100", 8
#: What a fork can be given; all else is settled when an interpreter starts.
OF_A_FORK = {"capacity", "rank", "world_size", "ranks_per_node", "journal", "variables"}


def missing() -> str:
    """Why there is no emulated GPU here; nothing where there is one."""
    try:
        library()
    except EmulatorError as error:
        return str(error)
    return ""


def run_emulated(
    code: str, *arguments: str, gpu: str = GPU, variables: dict[str, str] | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """The finished process of some code with `environment(gpu, **options)`."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False,
        env=environment(get_gpu(gpu), **options) | (variables or {}), timeout=600,
    )  # fmt: skip


@functools.cache
def _interpreter() -> subprocess.Popen[str]:
    """The one that is forked; it ends with this process, when its input does."""
    variables = environment(get_gpu(GPU), devices=DEVICES) | {"OMP_NUM_THREADS": "1"}
    program = Path(__file__).with_name("forking_interpreter.py")
    return subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=variables, process_group=0,
    )  # fmt: skip


def fork_emulated(
    code: str, *arguments: str, imports: tuple[str, ...] = (),
    variables: dict[str, str] | None = None, **options: Any,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """As `run_emulated`, in a fork of an interpreter that has imported torch and `imports`."""
    process = _interpreter()
    assert process.stdin is not None
    assert process.stdout is not None
    found = environment(get_gpu(GPU), devices=DEVICES, **options) | {"OMP_NUM_THREADS": "1"}
    del found["LD_PRELOAD"]  # as in a process that has begun
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        out.touch()
        err.touch()
        question = {
            "code": code, "arguments": arguments, "imports": imports,
            "variables": found | (variables or {}),
            "out": str(out), "err": str(err),
        }  # fmt: skip
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())


#: Torch's own threads now and then abort a process that ends while they run; what a test asks has
#: been printed by then.
_END = "\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n"


def answer(
    code: str, *arguments: str, gpu: str = GPU, imports: tuple[str, ...] = (), **options: Any
) -> Any:
    """What the code's last line of output says, as JSON.

    Args:
        code: a program; arguments: its own.
        gpu, options: as `run_emulated` takes them; where a fork can be given them it runs in one.
        imports: modules that the code imports and that take long.
    """
    given = {name: value for name, value in options.items() if value is not None}
    preloads = "LD_PRELOAD" in given.get("variables", {})
    if gpu == GPU and given.keys() <= OF_A_FORK and not preloads:
        done = fork_emulated(code + _END, *arguments, imports=imports, **given)
    else:
        done = run_emulated(code + _END, *arguments, gpu=gpu, **given)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(lines[-1])


needs_emulator = pytest.mark.skipif(bool(missing()), reason=f"no emulated GPU: {missing()}")
