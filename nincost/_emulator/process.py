"""What makes a Python process one that finds the emulated GPU.

`site/sitecustomize.py` calls `enter` when Python starts. The library can only be preloaded as a
process begins, so a process that was started without it starts itself again, once. The environment
then names it no longer: programs that are not Python do not get it.
"""

from __future__ import annotations

import os
import sys

from nincost._emulator import compiled
from nincost._emulator.imports import when_imported
from nincost._emulator.observe import spawned
from nincost._emulator.ranks import world
from nincost._emulator.values import initialization, kernels

PRELOAD = "NINCOST_EMULATED_PRELOAD"
_AGAIN = "NINCOST_EMULATED_AGAIN"


def enter() -> None:
    """Take this process into the emulation; one that lacks the library is started again."""
    ours = os.environ[PRELOAD]
    preloaded = os.environ.get("LD_PRELOAD", "")
    if not preloaded.startswith(ours):
        if os.environ.pop(_AGAIN, None) is None and _is_python(sys.executable):
            preload = f"{ours}:{preloaded}" if preloaded else ours
            variables = {**os.environ, "LD_PRELOAD": preload, _AGAIN: "1", **_cards()}
            os.execve(sys.executable, sys.orig_argv, variables)
        return
    os.environ.pop(_AGAIN, None)
    rest = preloaded[len(ours) :].lstrip(": ")
    if rest:
        os.environ["LD_PRELOAD"] = rest
    else:
        del os.environ["LD_PRELOAD"]
    compiled.install()
    when_imported("torch", kernels.install)
    when_imported("torch", initialization.install)
    when_imported("torch", world.install)
    if spawned.ORDERS in os.environ:
        spawned.be_ready()


def _cards() -> dict[str, str]:
    """As many cards as ranks of this machine, where the script started them and says so."""
    local, cards = (os.environ.get(name, "0") for name in ("LOCAL_WORLD_SIZE", world.DEVICES))
    return {world.DEVICES: local} if local.isdecimal() and int(local) > int(cards) else {}


def _is_python(executable: str) -> bool:
    """Whether this is an interpreter, and no program that has one inside."""
    return os.path.basename(executable).startswith("python")
