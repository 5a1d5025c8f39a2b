"""A described step on a real device: its model with real weights, placed as a script places it.

The steps are those of `record`, by the same driver; who observes them measures memory or time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nincost._models.build import Model
from nincost._models.copies import copy_structure, set_mode
from nincost._models.inputs import ModelInput, map_tensors, tensors_in
from nincost._models.sources import resolve
from nincost._models.user_code import read_again
from nincost._step.activation_checkpointing import checkpoint_blocks
from nincost._step.convert import convert_input, convert_module, inputs_of
from nincost._step.fine_tuning import change_what_is_trained
from nincost._step.library_calls import ScriptCalls
from nincost._step.lightning import with_training_step
from nincost._step.loss import make_target, output_tensor, own_loss
from nincost._step.quantized.torchao_weights import place_and_quantize
from nincost._step.run_generation import run_generation
from nincost._step.run_steps import run_steps
from nincost._step.step_observer import StepObserver
from nincost._step.step_options import Step
from nincost._trace.values.inputs import assumed_contents


class RealStepObserver(StepObserver, Protocol):
    """Observes steps on a real device, and what is put there before them."""

    def model_placing(self) -> None:
        """The module goes to the device now."""
        ...

    def model_placed(self, module: nn.Module) -> None:
        """The module is on the device."""
        ...

    def inputs_placed(self, tensors: Iterable[Tensor]) -> None:
        """The model's arguments and the loss's target are on the device."""
        ...


def step_of(job: Mapping[str, Any], model: Model | None = None) -> Step:
    """The step that a job describes, with that model, or its own."""
    if "model_file" in job:
        given = torch.load(job["model_file"], weights_only=False, map_location="cpu")  # nosec B614
        model = Model(type(given).__name__, given)
    elif model is None:
        model = resolve(job["model"], job["arg"])
    if job.get("training_step"):
        model = with_training_step(model)
    loaded: dict[str, Any] = {"model": model, "input": job.get("input")}
    if "input_file" in job:
        loaded["input"] = torch.load(job["input_file"], weights_only=False, map_location="cpu")  # nosec B614
    if "loss_file" in job:
        if job["loss_source"]:
            read_again(job["loss_source"])
        loaded["loss"] = torch.load(job["loss_file"], weights_only=False)  # nosec B614
    names = {field.name for field in fields(Step)} - set(loaded)
    plain = {name: job[name] for name in names if job.get(name) is not None}
    return Step(**loaded, **plain)


def run_real_steps(step: Step, device: torch.device, observer: RealStepObserver) -> None:
    """Place the model and its inputs on a device, and run the steps there."""
    model = step.model
    on_meta = inputs_of(step)
    module = model.rebuild() if model.rebuild else model.module
    convert_module(step, module)
    set_mode(module, training=not step.inference)
    # Before weights are quantized: a copy of them would be one on the device.
    target = _target(step, module, convert_input(step, on_meta))
    change_what_is_trained(step, module)
    set_mode(module, training=not step.inference)
    observer.model_placing()
    place_and_quantize(module, lambda layer: layer.to(device))
    module.to(device)
    observer.model_placed(module)
    inputs = convert_input(step, with_values(on_meta))
    inputs = map_tensors(lambda tensor: tensor.to(device), inputs)
    target = None if target is None else target.to(device)
    observer.inputs_placed(tensors_in((inputs.args, inputs.kwargs, target)))
    checkpoint_blocks(module, step.activation_checkpointing)
    if step.generate is not None:
        with torch.no_grad():
            run_generation(step, module, inputs, observer, tokens=step.generate)
        return
    run_steps(step, module, inputs, observer, ScriptCalls(device), target=target)


def with_values(inputs: ModelInput) -> ModelInput:
    """What predictions take arguments to hold (`assumed_contents`); other floats are random."""
    known = {id(tensor): content for tensor, _, (_, content) in assumed_contents(inputs)}

    def real(tensor: Tensor) -> Tensor:
        if id(tensor) not in known:
            return torch.randn(tensor.shape, dtype=torch.float32).to(tensor.dtype)
        return known[id(tensor)]().contiguous()

    return map_tensors(real, inputs)


def _target(step: Step, module: nn.Module, on_meta: ModelInput) -> Tensor | None:
    """The loss's target, on the CPU; None where it takes none, or where a step has to make it."""
    target = None
    with contextlib.suppress(Exception):  # a model that looks at values
        target = target_on_meta(step, module, on_meta)
    return None if target is None else torch.zeros(target.shape, dtype=target.dtype)


def target_on_meta(step: Step, module: nn.Module, on_meta: ModelInput) -> Tensor | None:
    """The loss's target, its shape by a forward run on meta."""
    if not isinstance(step.loss, str) or step.inference or step.model.training_step:
        return None
    copy = copy_structure(module)
    output = copy(*on_meta.args, **on_meta.kwargs)
    if step.loss == "cross-entropy" and own_loss(output) is not None:
        return None
    return make_target(step.loss, output_tensor(output))
