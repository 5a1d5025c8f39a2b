"""The emulated GPU as a truth for predictions, for processes that run the tests' own code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nincost._devices.cards import Gpu
from nincost._emulator.verification.emulated_step import step_environment

HERE = Path(__file__).resolve().parent


def variables(gpu: Gpu, python: str = sys.executable) -> dict[str, str]:
    """The environment in which an interpreter's PyTorch finds that card, and the tests' folder."""
    found = step_environment(gpu, python=python)
    path = os.pathsep.join([str(HERE.parent), found["PYTHONPATH"]])
    return {**found, "PYTHONPATH": path}
