"""Runs a command, and ends all that came of it when it ends, or when whoever started it does.

`python -S process_tree.py PARENT FOLDERS COMMAND ...`, where PARENT is the process that starts it:
a process that stands between the two, and outlives a kill of its parent by as long as it takes to
end the rest and to remove FOLDERS, the parent's temporary ones. What descendants leave behind is
given to it (PR_SET_CHILD_SUBREAPER), whatever session they are in.

Only the standard library is imported here: it is run as a file, without nincost.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def tree_command(python: str, command: Sequence[str], folders: Sequence[str] = ()) -> list[str]:
    """The command that runs another one so that its whole tree ends with this process.

    Args:
        folders: removed where this process is killed, which can then do so no more.
    """
    own = str(os.getpid())
    return [python, "-S", os.path.abspath(__file__), own, os.pathsep.join(folders), *command]


def descendants(of: int) -> list[int]:
    """Processes that came of one, by /proc."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # pid (name) state parent: the name may hold anything but ends at the last bracket
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found: list[int] = []
    level = {of}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += level
    return found


def end_all() -> None:
    """Kill what came of this process, until nothing is left."""
    while True:
        left = descendants(os.getpid())
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left:
            return
        time.sleep(0.01)


def main() -> None:
    """Run the command of the command line, and end as it ends."""
    parent, folders, command = int(sys.argv[1]), sys.argv[2].split(os.pathsep), sys.argv[3:]
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def end(number: int, _: object) -> None:
        end_all()
        if os.getppid() != parent:
            for folder in filter(None, folders):
                shutil.rmtree(folder, ignore_errors=True)
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be followed
        return
    child = subprocess.Popen(
        command,
        close_fds=False,
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - no threads here
    )
    signal.signal(signal.SIGINT, lambda number, _: child.send_signal(number))
    status = child.wait()
    end_all()
    if status < 0:  # as the command did
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    main()
