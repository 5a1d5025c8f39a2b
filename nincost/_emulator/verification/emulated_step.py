"""A described step on the emulated GPU: the truth that predictions of `memory` are compared with.

What it says is no measurement of a card. What is read back from the "card" is zeros, and batch norm
in cuDNN is taken to need no scratch memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nincost._devices.cards import Gpu
from nincost._emulator.launch import environment
from nincost._emulator.verification.changes import Change
from nincost._measure.measure import make_job, variables_of
from nincost._step.request import Request
from nincost.errors import ModelError


@dataclass(frozen=True, slots=True)
class EmulatedStep:
    """What PyTorch's own CUDA code takes for a step; `changes` is empty where not asked for."""

    allocated: int
    reserved: int
    out_of_memory: str
    changes: tuple[Change, ...]


def step_environment(
    gpu: Gpu, *, capacity: int | None = None, python: str = sys.executable
) -> dict[str, str]:
    """The environment in which an interpreter's PyTorch finds that card, all of it free."""
    return {
        **environment(gpu, context=0, capacity=capacity, python=python),
        "TORCH_DISABLE_NATIVE_JIT": "1",  # predictions know no kernels that Triton compiles
    }


def run_emulated_step(
    request: Request, steps: int, *, changes: bool, capacity: int | None = None
) -> EmulatedStep:
    """Run that many steps of a request in a process of its own, with no GPU.

    Raises:
        EmulatorError: there can be no emulated GPU here.
        ModelError: PyTorch could not run the steps.
    """
    with tempfile.TemporaryDirectory(prefix="nincost-") as folder:
        job = make_job(request, steps, Path(folder))
        variables = {
            **step_environment(request.card.gpu, capacity=capacity), **variables_of(request)
        }  # fmt: skip
        done = subprocess.run(
            [
                sys.executable, "-m", "nincost._emulator.verification.step_process",
                *(["changes"] if changes else []),
            ],
            input=json.dumps(job), capture_output=True, text=True, env=variables, check=False,
        )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        words = done.stderr.strip()[-600:]
        raise ModelError(
            f"the emulated step ended with exit status {done.returncode}: {words or 'no word'}"
        )
    answer = json.loads(lines[-1])
    if "error" in answer:
        raise ModelError(f"the step cannot run on the emulated GPU: {answer['error']}")
    return EmulatedStep(
        allocated=answer["peak_allocated_bytes"],
        reserved=answer["peak_reserved_bytes"],
        out_of_memory=answer["out_of_memory"],
        changes=tuple(
            Change(size, line=line, frames=frames)
            for size, line, frames in answer.get("changes", ())
        ),
    )
