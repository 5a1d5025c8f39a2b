"""A small model whose factory writes down that it ran, and may end its process, or the sweep.

`kill` is `once`, `always` or `parent`, once; `seconds` is how long it takes.
"""

import os
import signal
import time
from pathlib import Path

from torch import nn


def make(folder: str, name: str, kill: str = "", seconds: float = 0) -> nn.Module:
    with open(Path(folder) / "ran", "a", encoding="utf-8") as file:
        file.write(f"{name} {os.getpid()}\n")
    killed = Path(folder) / f"killed {name}"
    if kill == "always" or (kill and not killed.exists()):
        killed.touch()
        os.kill(os.getppid() if kill == "parent" else os.getpid(), signal.SIGKILL)
        time.sleep(60)  # until the sweep's end is noticed
    time.sleep(seconds)
    return nn.Linear(4, 2)
