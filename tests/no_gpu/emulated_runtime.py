"""The emulated GPU as a truth for predictions: what PyTorch's own CUDA code takes for a step.

What it says is no measurement of a card. What is read back from the "card" is zeros, and batch norm
in cuDNN is taken to need no scratch memory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nincost._devices.cards import Gpu
from nincost._emulator.launch import environment

HERE = Path(__file__).resolve().parent


def variables(gpu: Gpu, python: str = sys.executable) -> dict[str, str]:
    """The environment in which an interpreter's PyTorch finds that card, all of it free."""
    found = environment(gpu, context=0, python=python)
    return {
        **found,
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), found["PYTHONPATH"]]),
        "TORCH_DISABLE_NATIVE_JIT": "1",  # predictions know no kernels that Triton compiles
    }
