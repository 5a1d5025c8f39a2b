"""Python code run on the emulated GPU, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from nincost._devices.cards import get_gpu
from nincost._emulator.launch import environment
from nincost._emulator.library import library
from nincost.errors import EmulatorError


def missing() -> str:
    """Why there is no emulated GPU here; nothing where there is one."""
    try:
        library()
    except EmulatorError as error:
        return str(error)
    return ""


def run_emulated(
    code: str, *arguments: str, gpu: str = "h100", variables: dict[str, str] | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """The finished process of some code with `environment(gpu, **options)`."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False,
        env=environment(get_gpu(gpu), **options) | (variables or {}), timeout=600,
    )  # fmt: skip


#: Torch's own threads now and then abort a process that ends while they run; what a test asks has
#: been printed by then.
_END = "\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n"


def answer(code: str, *arguments: str, **options: Any) -> Any:
    """What the code's last line of output says, as JSON."""
    done = run_emulated(code + _END, *arguments, **options)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(lines[-1])


needs_emulator = pytest.mark.skipif(bool(missing()), reason=f"no emulated GPU: {missing()}")
