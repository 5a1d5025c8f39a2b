"""Measures a step: runs it for real, in a fresh process on this machine's GPU."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nincost._devices.settings import VARIABLES
from nincost._measure.results import Measured
from nincost._models.user_code import file_of
from nincost._step.request import Request
from nincost.errors import InputError, NincostError, one_line

#: Seconds after which a measuring process is given up.
_PATIENCE = 900


class MeasureError(NincostError):
    """The measuring process failed for a reason of its own."""


def measure_request(request: Request, steps: int) -> Measured:
    """Run that many steps in a fresh process, and return what `torch.cuda.memory` said.

    A fresh process, so that nothing of this one is on the card, and an out-of-memory error leaves
    this one alone.

    Raises:
        MeasureError: the steps failed, for another reason than memory.
        InputError: the model or the loss cannot be sent to another process.
    """
    with Measurement(request, steps) as measurement:
        return measurement.run()


class Measurement:
    """A fresh process that has imported torch and waits; it touches the GPU when `run` is called.

    So the next process can be prepared while one measures: what nvidia-smi says of the card before
    and after belongs to one process only when they run one after another.

    Args:
        timed_seconds: how long the same steps are then timed, warmed up; 0: not.

    Raises:
        InputError: the model or the loss cannot be sent to another process.
    """

    def __init__(self, request: Request, steps: int, *, timed_seconds: float = 0.0) -> None:
        self._model = request.step.model.name
        self._folder = tempfile.TemporaryDirectory(prefix="nincost-")
        try:
            self._job = make_job(request, steps, Path(self._folder.name))
            self._job["timed_seconds"] = timed_seconds
            here = {name: value for name, value in os.environ.items() if name not in VARIABLES}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nincost._measure.measured_run"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**here, **variables_of(request), "PYTHONUNBUFFERED": "1"},
            )
        except BaseException:
            self._folder.cleanup()
            raise

    def run(self) -> Measured:
        """Run the steps, and return what was measured.

        Raises:
            MeasureError: they failed, for another reason than memory.
        """
        try:
            found, said = self._process.communicate(json.dumps(self._job), timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise MeasureError(
                f"measuring {self._model} took more than {_PATIENCE} s: give a smaller batch, or "
                "--no-measure"
            ) from error
        return read_answer(found, said, self._model)

    def __enter__(self) -> Measurement:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process if it has not ended, and remove its files."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        self._folder.cleanup()


def variables_of(request: Request) -> dict[str, str]:
    """What must stand in a process's environment for a request's steps, from its start."""
    found = dict(request.settings.variables)
    if request.step.alloc_conf:
        found["PYTORCH_CUDA_ALLOC_CONF"] = request.step.alloc_conf
    return found


def read_answer(stdout: str, stderr: str, model: str) -> Measured:
    """The measuring process's last line, as a result; its error as ours."""
    lines = [line for line in stdout.splitlines() if line.startswith("{")]
    if not lines:
        words = [line.strip() for line in stderr.splitlines() if line.strip()]
        last = words[-1] if words else "it said nothing"
        raise MeasureError(
            f"measuring {model} failed: {one_line(RuntimeError(last))}; see what it says with "
            "--no-measure and a run of your own"
        )
    answer = json.loads(lines[-1])
    if "error" in answer:
        raise MeasureError(f"measuring {model} failed: {answer['error']}; or give --no-measure")
    return measured_from(answer)


def measured_from(answer: Mapping[str, Any]) -> Measured:
    """A result from plain values, such as a report's."""
    known = {name: answer[name] for name in Measured.__slots__ if name in answer}
    return Measured(**known)


def make_job(request: Request, steps: int, folder: Path) -> dict[str, Any]:
    """What the measuring process must know, as plain values; modules and functions as files."""
    step = request.step
    job: dict[str, Any] = {
        **request.options(),
        "settings": request.settings.to_dict(),
        "batch_size": step.batch_size,
        "arg": dict(request.arguments),
        "steps": steps,
        "training_step": step.model.training_step,
    }
    if isinstance(request.given, str):
        job["model"] = request.given
    else:
        job["model_file"] = _save(request.given, folder / "model.pickle", "the model")
    if step.input is None or _is_specs(step.input):
        job["input"] = step.input
    else:
        job["input_file"] = _save(step.input, folder / "input.pickle", "the input")
    if callable(step.loss):
        job["loss_file"] = _save(step.loss, folder / "loss.pickle", "the loss function")
        job["loss_source"] = file_of(step.loss)
    _check_plain(job)
    return job


def _is_specs(given: Any) -> bool:
    return isinstance(given, str) or all(isinstance(item, str) for item in given)


def _check_plain(job: dict[str, Any]) -> None:
    try:
        json.dumps(job)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"arg and optimizer_arg go to a fresh process as plain values ({one_line(error)}): "
            "give numbers, texts and lists, or measure=False"
        ) from error


def _save(value: Any, path: Path, what: str) -> str:
    import torch

    try:
        torch.save(value, path)
    except (pickle.PicklingError, AttributeError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{what} cannot be given to a fresh process ({one_line(error)}): define it in a module "
            "that can be imported, name it as package.module:factory, or give measure=False"
        ) from error
    return str(path)
