"""The program that runs a described step as a training script would: `step_script.py JOB.json`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nincost._devices.settings import Settings
from nincost._emulator.described.pipeline import Pipeline
from nincost._emulator.described.spread import ParallelCalls, Spread
from nincost._emulator.described.watchdog import WatchdogObserver
from nincost._measure.real_steps import step_of, target_on_meta, with_values
from nincost._models.build import Model
from nincost._models.copies import copy_structure, set_mode
from nincost._models.inputs import ModelInput, map_tensors
from nincost._models.sources import resolve
from nincost._step.activation_checkpointing import checkpoint_blocks
from nincost._step.convert import convert_input, convert_module, inputs_of
from nincost._step.fine_tuning import change_what_is_trained
from nincost._step.parallel import Parallel
from nincost._step.run_steps import run_steps
from nincost._step.step_options import Step


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A job, its model, what that is called with, and the loss's target, all on meta.

    `target` is None where the loss takes none, or where it is made for the first output.
    """

    step: Step
    parallel: Parallel
    inputs: ModelInput
    target: Tensor | None


#: Jobs that were prepared before the process was forked, and the models among them.
_PREPARED: dict[str, _Prepared] = {}
_MODELS: dict[str, Model] = {}


def prepare(path: str) -> None:
    """Find the model of a job before the process is forked for its ranks.

    Here nobody observes what runs. What fails, fails again for the ranks. Not where a library is
    imported for its optimizer, as bitsandbytes begins CUDA, and no fork could use it then.
    """
    if path not in _PREPARED:
        with contextlib.suppress(Exception):
            job = _read(path)
            if ":" not in job["optimizer"]:
                _PREPARED[path] = _prepared(job)


def _prepared(job: Mapping[str, Any]) -> _Prepared:
    key = json.dumps([job.get("model"), job["arg"]])
    if "model" in job and key not in _MODELS:
        _MODELS[key] = resolve(job["model"], job["arg"])
    step, parallel = step_of(job, _MODELS.get(key)), Parallel(**job["parallel"])
    inputs = inputs_of(step)
    target = None
    if parallel.pp == 1:
        module = copy_structure(step.model.module)
        convert_module(step, module)
        set_mode(module, training=not step.inference)
        with contextlib.suppress(Exception):  # a model that looks at values
            target = target_on_meta(step, module, convert_input(step, inputs))
    return _Prepared(step, parallel, inputs, target)


def run_job(job: Mapping[str, Any], prepared: _Prepared) -> None:
    """Run a job's steps on the rank that the environment names."""
    step, parallel = prepared.step, prepared.parallel
    Settings.from_dict(job["settings"]).apply()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    if parallel.ranks > 1:
        dist.init_process_group("nccl")
    module = _module(step.model)
    convert_module(step, module)
    change_what_is_trained(step, module)
    set_mode(module, training=not step.inference)
    spread = Spread.of(module, parallel, device)
    calls = ParallelCalls(device, spread)
    if parallel.pp > 1:
        Pipeline(step, module, convert_input(step, prepared.inputs), calls).run()
        return
    checkpoint_blocks(module, step.activation_checkpointing)
    module = spread.apply(module)
    inputs = convert_input(step, with_values(prepared.inputs))
    inputs = map_tensors(lambda tensor: tensor.to(device), inputs)
    target = prepared.target
    if target is not None:
        target = torch.zeros(target.shape, dtype=target.dtype).to(device)
    run_steps(step, module, inputs, WatchdogObserver(), calls, target=target)


def _module(model: Model) -> nn.Module:
    """One of ours to change: on meta, or as its constructor makes it where that keeps tensors.

    What a module has as a plain attribute stays on meta when it is placed.
    """
    on_meta = model.module if model.owned else copy_structure(model.module)
    if not any(_keeps_tensors(part) for part in on_meta.modules()):
        return on_meta
    return model.rebuild() if model.rebuild else model.module


def _keeps_tensors(part: nn.Module) -> bool:
    return any(isinstance(value, torch.Tensor) for value in vars(part).values())


def _read(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def main() -> None:
    """Run the job of the command line."""
    path = sys.argv[1]
    job = _read(path)
    run_job(job, _PREPARED.get(path) or _prepared(job))
