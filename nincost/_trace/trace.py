"""Runs a model once and gives its `Trace`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import nn

from nincost._models.build import Model
from nincost._models.copies import set_mode
from nincost._models.inputs import ModelInput
from nincost._models.made_of_tensors import bytes_of
from nincost._trace.meta_operators import NO_OPERATORS, MetaOperators
from nincost._trace.module_tracker import ModuleTracker
from nincost._trace.recorder import Recorder
from nincost._trace.records import ParameterInfo, Trace
from nincost._trace.session import Attempt, Session
from nincost._trace.values.assumptions import Balance
from nincost.errors import InputError, printable

Mode = Literal["eval", "train"]


def trace(
    model: Model,
    given: Any = None,
    *,
    batch_size: int = 1,
    mode: Mode = "eval",
    operators: MetaOperators = NO_OPERATORS,
    assume: Balance = "balanced",
    on_cpu: bool = False,
) -> Trace:
    """Run `model` forward once, and record every operator; with gradients only if it asks for some.

    The run is on the meta device: no weight is read and nothing large is computed. With `on_cpu` a
    model that cannot be run there runs on the CPU, on random input, and `fallback` says why.

    Args:
        model: what `nincost._models.sources.resolve` gave.
        given: input specs or example tensors; the model's default input where None.
        batch_size: what specs get in front.
        mode: `eval` (dropout off, batch norm by its running statistics) or `train`.
        operators: what is known of operators besides torch's meta kernels.
        assume: what is taken of values that depend on weights.
        on_cpu: whether a model that cannot be run on meta is run on the CPU.

    Raises:
        InputError: no input is known, it does not fit the model, or the model cannot be run on
            meta, nor (where that is wanted) on the CPU.
        ModelError: the model fails for a reason of its own.
    """
    if mode not in ("eval", "train"):
        raise InputError(f"mode is {mode!r}: choose eval or train")

    def prepare(module: nn.Module, inputs: ModelInput) -> ModelInput:
        set_mode(module, training=mode == "train")
        return inputs

    def run(attempt: Attempt[Recorder]) -> Trace:
        try:
            remade = _forward(attempt)
        except RuntimeError as error:
            if _WANTS_GRADIENTS not in str(error):
                raise
            attempt.restart()
            remade = _forward(attempt, gradients=True)
        tracker, recorder, inputs = attempt.tracker, attempt.recorder, attempt.inputs
        parameters, buffers = _parameters(tracker, recorder)
        return Trace(
            model=model.name,
            input=inputs.specs,
            batch_size=inputs.batch_size,
            mode=mode,
            modules=tracker.modules,
            calls=tracker.calls,
            ops=recorder.ops,
            parameters=parameters,
            buffer_elements=sum(b.numel() for b in buffers),
            buffer_bytes=sum(map(bytes_of, buffers)),
            fallback=attempt.fallback,
            remade=remade,
            details=model.details,
            model_notes=model.notes,
            assumptions=attempt.assumptions,
        )

    return Session(
        model=model,
        input=given,
        batch_size=batch_size,
        recorder=lambda on_meta: Recorder(on_meta=on_meta, operators=operators),
        prepare=prepare,
        assume=assume,
        on_cpu=on_cpu,
        retry_unknown=True,
    ).run(run)


#: What autograd says to a model that asks for gradients in its forward, run without.
_WANTS_GRADIENTS = "does not require grad and does not have a grad_fn"


def _forward(attempt: Attempt[Recorder], *, gradients: bool = False) -> tuple[str, ...]:
    """One recorded forward pass; the names of layers that the model makes anew each time."""
    inputs = attempt.inputs
    with (
        torch.set_grad_enabled(gradients),
        contextlib.nullcontext() if attempt.on_meta else _composite_attention(),
    ):
        with attempt.recorder:
            attempt.call(*inputs.args, **inputs.kwargs)
        if not attempt.tracker.new_modules(attempt.module):
            return ()
        attempt.restart()  # layers that the first run made belong to the model from then on
        with attempt.recorder:
            attempt.call(*inputs.args, **inputs.kwargs)
    new = attempt.tracker.new_modules(attempt.module)
    attempt.tracker.add(new)
    return tuple([printable(path) for path in new])


@contextlib.contextmanager
def _composite_attention() -> Iterator[None]:
    """Attention as on meta: operator by operator, not in a kernel that the CPU alone has."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _parameters(
    tracker: ModuleTracker, recorder: Recorder
) -> tuple[list[ParameterInfo], list[torch.Tensor]]:
    """Every parameter and every buffer once, in order of registration."""
    found: dict[int, tuple[str, torch.Tensor, list[int]]] = {}
    buffers: dict[int, torch.Tensor] = {}
    for index, info in enumerate(tracker.modules):
        prefix = f"{info.path}." if index else ""
        for name, parameter in info.module._parameters.items():
            if parameter is not None:
                entry = found.setdefault(id(parameter), (prefix + name, parameter, []))
                entry[2].append(index)
        for buffer in info.module._buffers.values():
            if buffer is not None:
                buffers[id(buffer)] = buffer
    parameters = [
        ParameterInfo(
            name=name,
            elements=parameter.numel(),
            bytes=bytes_of(parameter),
            trainable=parameter.requires_grad,
            owners=tuple(owners),
            used_by=recorder.parameter_uses.get(id(parameter), -1),
        )
        for name, parameter, owners in found.values()
    ]
    return parameters, list(buffers.values())
