"""Records training steps on the meta device, real autograd and optimizer included."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from nincost._devices.libraries.bitsandbytes_kernels import forget_maps
from nincost._devices.substitutes import substituted
from nincost._devices.tables import device_tables
from nincost._devices.target import Target
from nincost._memory.generation import record_generation
from nincost._memory.moved_attributes import move_attributes
from nincost._memory.quantized_weights import place_quantized, quantize_by_torchao
from nincost._memory.storage_tracker import StorageTracker
from nincost._models.copies import set_mode
from nincost._models.inputs import ModelInput, tensors_in
from nincost._step.activation_checkpointing import checkpoint_blocks
from nincost._step.autocast import autocast_on_meta
from nincost._step.convert import convert_input, convert_module
from nincost._step.fine_tuning import change_what_is_trained, trained_words
from nincost._step.library_calls import RecordedCalls
from nincost._step.quantized import torchao_weights
from nincost._step.run_generation import run_generation
from nincost._step.run_own_step import run_own_step
from nincost._step.run_steps import run_steps
from nincost._step.step_options import Step
from nincost._torch.attention import fused_attention_on_meta
from nincost._trace.recording import Recording
from nincost._trace.session import Attempt, Session
from nincost._trace.values.assumptions import Assumption
from nincost.errors import InputError, ModelError, NincostError, one_line

#: As good as nothing, where an optimizer refuses 0, as SparseAdam does.
_NO_RATE = sys.float_info.min


def record(step: Step, target: Target) -> Recording:
    """Record `step.steps` steps of training (one forward pass for inference), as on `target`.

    With `step.on_cpu` a model that cannot be run on meta runs real steps on the CPU, by the
    target's rules all the same.

    Raises:
        InputError: no input is known, an option does not fit, the input does not fit the model, or
            the model cannot be run on meta.
        ModelError: the model fails for a reason of its own.
    """
    if step.amp and target.device != "cuda":
        raise InputError(
            "amp is known for CUDA only, with its own list of what to cast: leave amp out, "
            "or cast the whole model with dtype"
        )
    if step.generate is not None:
        return record_generation(step, lambda step, tokens: _session(step, target, tokens))
    return _session(step, target)


def _session(step: Step, target: Target, tokens: int = 0) -> Recording:
    checkpoints = step.activation_checkpointing != "none"

    def prepare(module: nn.Module, inputs: ModelInput) -> ModelInput:
        convert_module(step, module)
        change_what_is_trained(step, module)
        checkpoint_blocks(module, step.activation_checkpointing)
        if step.model.own_step is None:  # whose models are in the modes that they were given in
            set_mode(module, training=not step.inference)
        return convert_input(step, inputs)

    def recorder(on_meta: bool) -> StorageTracker:
        return StorageTracker(on_meta=on_meta, operators=device_tables(target.device).operators)

    return Session(
        model=step.model,
        input=step.input,
        batch_size=step.batch_size,
        recorder=recorder,
        prepare=prepare,
        changes_module=bool(
            step.dtype or step.channels_last or checkpoints or _changes_training(step)
        ),
        explain=lambda error, attempt: _explain(error, attempt, step),
        assume=step.assume,
        on_cpu=step.on_cpu,
        only_on_meta="amp" if step.amp else "",
    ).run(lambda attempt: _record(attempt, step, target, tokens))


def _record(attempt: Attempt[StorageTracker], step: Step, target: Target, tokens: int) -> Recording:
    recorder, on_meta = attempt.recorder, attempt.on_meta
    if not on_meta:  # each step finds the weights that the one before it found
        step = replace(step, optimizer_arg={**step.optimizer_arg, "lr": _NO_RATE})
    if step.inference:
        step = replace(step, steps=1)  # each is like the first
    casts_on_meta = on_meta and target.device == "cuda"
    casts = autocast_on_meta("cuda") if casts_on_meta else contextlib.nullcontext()
    fused = fused_attention_on_meta() if casts_on_meta else contextlib.nullcontext()
    tables = device_tables(target.device)
    try:
        with substituted(tables, target, recorder, on_meta=on_meta), casts, fused:
            _place(attempt, on_meta and target.device == "cuda" and target.settings.cudnn)
            if step.generate is not None:
                with torch.no_grad():
                    run_generation(step, attempt.module, attempt.inputs, recorder, tokens=tokens)
            elif step.model.own_step is not None:
                run_own_step(
                    step.model.own_step, step.model.module, attempt.module, attempt.inputs,
                    recorder, steps=step.steps, optimizer_impl=target.optimizer_impl,
                )  # fmt: skip
            else:
                run_steps(
                    step, attempt.module, attempt.inputs, recorder, RecordedCalls(target, on_meta),
                    forward=attempt.call,
                )  # fmt: skip
    finally:
        for parameter in attempt.module.parameters():
            parameter.grad = None
    trains_less = _changes_training(step) and not step.inference
    return Recording(
        entries=recorder.recorded,
        storages=recorder.storages,
        layers=[*[info.path for info in attempt.tracker.modules], ""],
        model=step.model.name,
        input=attempt.inputs.specs,
        batch_size=attempt.inputs.batch_size,
        details=step.model.details,
        fallback=attempt.fallback,
        assumptions=(*attempt.assumptions, *_outliers(attempt.module)),
        own_loss=recorder.own_loss,
        paged=recorder.paged,
        trained=trained_words(attempt.module) if trains_less else "",
    )


def _outliers(module: nn.Module) -> tuple[Assumption, ...]:
    """LLM.int8() computes columns of large activations in half precision."""
    if not any(hasattr(parameter, "SCB") for parameter in module.parameters()):
        return ()
    words = "no activation is an outlier, of 6 or more"
    return (Assumption("value", "bitsandbytes.int8_vectorwise_quant", words, "", 0, 1),)


def _changes_training(step: Step) -> bool:
    return bool(step.freeze or step.lora or step.quantize)


def _place(attempt: Attempt[StorageTracker], flattens: bool) -> None:
    """The parameters, buffers and inputs, as `.to(device)` puts them there.

    `flattens`: whether recurrent layers keep their weights in one buffer, for cuDNN.
    """
    recorder = attempt.recorder
    recorder.phase_begins("model", 0)
    forget_maps()
    layers = {id(info.module): layer for layer, info in enumerate(attempt.tracker.modules)}
    for module in _children_first(attempt.module):
        layer = layers[id(module)]
        for parameter in module._parameters.values():
            if parameter is not None:
                if not place_quantized(parameter, recorder, layer):
                    recorder.place(parameter, "parameters", layer)
                recorder.layer_of_parameter.setdefault(id(parameter), layer)
        for buffer in module._buffers.values():
            if buffer is not None:
                recorder.place(buffer, "buffers", layer)
        if torchao_weights.waits(module):
            quantize_by_torchao(module, recorder, layer)
        if flattens and isinstance(module, nn.RNNBase):
            _flatten(module, recorder, layer)
    move_attributes(
        attempt.module, lambda moved: recorder.place(moved, "buffers", -1), attempt.values
    )
    recorder.phase_begins("input", 0)
    recorder.place_inputs(tensors_in((attempt.inputs.args, attempt.inputs.kwargs)))


def _flatten(module: nn.RNNBase, recorder: StorageTracker, layer: int) -> None:
    """Put a recurrent layer's weights into one buffer (nn.RNNBase.flatten_parameters)."""
    weights = [one for one in module._parameters.values() if one is not None]
    known = (torch.float16, torch.float32, torch.float64)
    if len({id(one) for one in weights}) < len(weights) or any(
        one.dtype not in known or one.dtype is not weights[0].dtype for one in weights
    ):
        return
    with torch.no_grad():
        buffer = torch.empty(
            sum(one.numel() for one in weights), dtype=weights[0].dtype, device="meta"
        )
        recorder.place(buffer, "parameters", layer)
        start = 0
        for one in weights:
            one.data = buffer[start : start + one.numel()].view(one.shape)
            start += one.numel()


def _children_first(module: nn.Module) -> Iterator[nn.Module]:
    """The order in which `Module._apply` moves parameters: a module's own after its children's."""
    for child in module.children():
        yield from _children_first(child)
    yield module


def _explain(
    error: BaseException, attempt: Attempt[StorageTracker], step: Step
) -> NincostError | None:
    """Backward found something changed that it had saved; None for other errors."""
    if "inplace operation" not in one_line(error):
        return None
    if step.activation_checkpointing == "none":
        return ModelError(f"{step.model.name} cannot be trained: {one_line(error)}")
    lone = [
        name for name, child in attempt.module.named_children() if getattr(child, "inplace", False)
    ]
    where = f"its layer {lone[0]!r} works" if lone else "one of the blocks works"
    return InputError(
        f"{step.model.name} cannot be checkpointed block by block: {where} in place, which changes "
        "what the block before it has saved for backward (torch refuses it, too): set "
        "inplace=False there, put the layers into blocks, or leave activation_checkpointing out"
    )
