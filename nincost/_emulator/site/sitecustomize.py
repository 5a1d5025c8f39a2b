"""Python runs this when it starts, in a process that the emulated GPU was meant for.

Its folder is on PYTHONPATH, so that a Python process that a script starts, by whatever way, finds
the emulated GPU too. Another sitecustomize that this one hides is run after it.
"""

import os
import sys


def _enter() -> None:
    if "NINCOST_EMULATED_PRELOAD" in os.environ:
        from nincost._emulator import process

        process.enter()


def _run_hidden() -> None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))
    path = [p for p in sys.path if os.path.abspath(p) != here]
    spec = PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


_enter()
_run_hidden()
