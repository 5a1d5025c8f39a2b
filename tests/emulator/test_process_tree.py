"""The tree of processes ends with its command, and with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from nincost._emulator.process_tree import tree_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is for Linux")

#: Starts a process in a session of its own, which nothing that follows process groups would find.
SCRIPT = """
import subprocess, sys, time
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""

PARENT = """
import subprocess, sys, time
from nincost._emulator.process_tree import tree_command
subprocess.Popen(tree_command(sys.executable, sys.argv[2:], ["", sys.argv[1]]))
time.sleep(1000)
"""


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def ended(pid: int) -> bool:
    """Whether a process is gone within a few seconds."""
    for _ in range(100):
        if not is_alive(pid):
            return True
        time.sleep(0.1)
    return False


def started(command: Sequence[str]) -> tuple[subprocess.Popen[str], int]:
    """A process, and the number that it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_what_a_command_leaves_behind_ends_with_it() -> None:
    process, pid = started(tree_command(sys.executable, [sys.executable, "-c", SCRIPT, "0"]))
    assert process.wait(20) == 0
    assert ended(pid)


def test_all_ends_with_a_killed_parent_and_its_folder_goes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "recording.part").touch()
    process, pid = started(
        [sys.executable, "-c", PARENT, str(folder), sys.executable, "-c", SCRIPT, "1000"]
    )
    assert is_alive(pid)
    process.kill()
    process.wait(20)
    assert ended(pid)
    for _ in range(100):
        if not folder.exists():
            break
        time.sleep(0.1)
    assert not folder.exists()


def test_all_ends_when_asked_to() -> None:
    process, pid = started(tree_command(sys.executable, [sys.executable, "-c", SCRIPT, "1000"]))
    process.terminate()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert ended(pid)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
    ],
)
def test_it_ends_as_the_command_ends(code: str, status: int) -> None:
    command = tree_command(sys.executable, [sys.executable, "-c", code])
    assert subprocess.run(command, check=False).returncode == status


def test_an_interrupt_reaches_the_command() -> None:
    code = (
        "import os, time\n"
        "try:\n    print(os.getpid(), flush=True); time.sleep(1000)\n"
        "except KeyboardInterrupt:\n    raise SystemExit(7)\n"
    )
    process, _ = started(tree_command(sys.executable, [sys.executable, "-c", code]))
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(20) == 7
