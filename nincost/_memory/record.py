"""Runs training steps on the meta device, real autograd and optimizer included."""

from __future__ import annotations

from dataclasses import replace

import torch

import nincost._trace.layouts_backward  # noqa: F401 - registers itself
from nincost._devices.target import Target
from nincost._isolation import collection_paused, unchanged
from nincost._memory.steps import StepsRun, ValuesNeededError
from nincost._models.copies import copy_structure, copy_with_weights
from nincost._models.import_path import importable
from nincost._models.inputs import ModelInput, make_input
from nincost._step.step import Step
from nincost._trace.failure import as_the_models
from nincost._trace.fallback import Fallback
from nincost._trace.recording import Recording
from nincost._trace.run import float_dtype, random_input
from nincost.errors import InputError, one_line


def record(step: Step, target: Target) -> Recording:
    """Record `step.steps` steps of training (one forward pass for inference), as on `target`.

    Raises:
        InputError: no input is known, an option does not fit, or the input does not fit the model.
        ModelError: the model fails for a reason of its own.
    """
    model = step.model
    given = step.input if step.input is not None else model.default_input
    if isinstance(given, str | tuple | list) and not given:  # a tensor has no such truth
        raise InputError(
            f"{model.name} does not say what input it takes: give --input, such as 3x224x224 or "
            "input_ids=128:int64"
        )
    if step.amp and target.device != "cuda":
        raise InputError(
            "amp is known for CUDA only, with its own list of what to cast: leave amp out, "
            "or cast the whole model with dtype"
        )
    with (
        unchanged(),
        collection_paused(),
        importable(model.folder),
        as_the_models(model.name),
    ):
        inputs = make_input(given, step.batch_size, float_dtype(model.module))
        changed = step.dtype or step.channels_last or step.activation_checkpointing != "none"
        reuse = model.owned and not changed
        module = model.module if reuse else copy_structure(model.module)
        try:
            return StepsRun(step, target, module, inputs).record()
        except ValuesNeededError as error:
            failure = error
        finally:
            for parameter in module.parameters():
                parameter.grad = None
        return _record_with_values(step, target, inputs, failure)


#: Bytes of weights up to which a step that looks at values is run on the CPU.
_LARGEST_WITH_VALUES = 4 * 2**30


def _record_with_values(
    step: Step, target: Target, inputs: ModelInput, failure: ValuesNeededError
) -> Recording:
    """A real step on the CPU, on random input, told by the target's rules all the same.

    The learning rate is 0, so that each step finds the weights that the one before it found.
    Raises the failure where that cannot be: under autocast, whose casts are the device's own, and
    for more weights than a laptop holds.
    """
    step = replace(step, optimizer_arg={**step.optimizer_arg, "lr": 0.0})
    weights = sum(parameter.nbytes for parameter in step.model.module.parameters())
    if step.amp is not None or weights > _LARGEST_WITH_VALUES:
        raise failure
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        if step.model.owned and step.model.rebuild is not None:
            module = step.model.rebuild()
        else:
            module = copy_with_weights(step.model.module)
        run = StepsRun(step, target, module, random_input(inputs), on_meta=False)
        recording = run.record()
    fallback = Fallback(failure.reason, one_line(failure.__cause__ or failure))
    return replace(recording, fallback=fallback)
