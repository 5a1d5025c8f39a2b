"""Runs a model once and gives its `Trace`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from nincost._isolation import unchanged
from nincost._models.build import Model
from nincost._models.copies import copy_structure, copy_with_weights
from nincost._models.import_path import importable
from nincost._models.inputs import ModelInput, make_input
from nincost._trace.failure import as_the_models, explain_failure, lacks, tell_place
from nincost._trace.fallback import Fallback, FallbackReason, fallback_reason
from nincost._trace.module_tracker import ModuleTracker
from nincost._trace.recorder import Recorder
from nincost._trace.records import ModuleInfo, ParameterInfo, Trace
from nincost.errors import STOPS, InputError, Interruption, ModelError, NincostError, one_line

Mode = Literal["eval", "train"]


def trace(model: Model, given: Any = None, *, batch_size: int = 1, mode: Mode = "eval") -> Trace:
    """Run `model` forward once, without gradients, and record every operator.

    The run is on the meta device: no weight is read and nothing is computed. A model that needs
    values runs on the CPU instead, on random input, and the trace's `fallback` says why.

    Args:
        model: what `nincost._models.sources.resolve` gave.
        given: input specs or example tensors; the model's default input where None.
        batch_size: what specs get in front.
        mode: `eval` (dropout off, batch norm by its running statistics) or `train`.

    Raises:
        InputError: no input is known, or the input does not fit the model.
        ModelError: the model fails for a reason of its own.
    """
    if mode not in ("eval", "train"):
        raise InputError(f"mode is {mode!r}: choose eval or train")
    if given is None:
        if not model.default_input:
            raise InputError(
                f"{model.name} does not say what input it takes: give --input, such as "
                "3x224x224 or input_ids=128:int64"
            )
        given = model.default_input
    with unchanged(), importable(model.folder), as_the_models(model.name):
        inputs = make_input(given, batch_size, float_dtype(model.module))
        module = model.module if model.owned else copy_structure(model.module)
        try:
            return _run(model, module, inputs, mode, on_meta=True)
        except _MetaFailedError as error:
            failure = error
        weights = sum(parameter.nbytes for parameter in module.parameters())
        if failure.reason == "unknown" and weights > _LARGEST_RETRY:
            raise failure.explained from failure.__cause__
        try:
            return _run_on_cpu(model, inputs, mode, failure)
        except NincostError as error:
            # Failing on both, it is no matter of the device: what meta said comes with shapes.
            shown = failure.explained if failure.reason == "unknown" else error
            raise shown from failure.__cause__


#: Bytes of weights up to which a run that failed on meta is tried on the CPU as well.
_LARGEST_RETRY = 4 * 2**30


class _MetaFailedError(Exception):
    """The meta run failed in a way that a run with values may not.

    `reason` is what it does that meta tensors cannot serve; `explained` is what to raise if there
    is no other way.
    """

    def __init__(self, explained: NincostError, reason: FallbackReason) -> None:
        super().__init__(str(explained))
        self.explained = explained
        self.reason = reason


def _run_on_cpu(model: Model, inputs: ModelInput, mode: Mode, failure: _MetaFailedError) -> Trace:
    fallback = Fallback(failure.reason, one_line(failure.__cause__ or failure))
    with torch.random.fork_rng(devices=[]), _written_out():
        torch.default_generator.manual_seed(0)
        if model.owned and model.rebuild is not None:
            real = model.rebuild()
        else:
            real = copy_with_weights(model.module)
        return _run(model, real, random_input(inputs), mode, on_meta=False, fallback=fallback)


@contextlib.contextmanager
def _written_out() -> Iterator[None]:
    """Attention as on meta: operator by operator, not in a kernel that the CPU alone has."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _run(
    model: Model,
    module: nn.Module,
    inputs: ModelInput,
    mode: Mode,
    *,
    on_meta: bool,
    fallback: Fallback | None = None,
) -> Trace:
    remade: list[str] = []
    module.train(mode == "train")
    recorder = Recorder(on_meta=on_meta)
    follower = ModuleTracker(recorder)
    try:
        with torch.no_grad():
            if is_lazy_module(module):
                # Lazy modules learn their shapes here; followed, so that an error tells its layer.
                run = follower.follow(module, type(module).__name__)
                run(*inputs.args, **inputs.kwargs)
                follower.unfollow()
                follower = ModuleTracker(recorder)
            for first in (True, False):
                run = follower.follow(module, type(module).__name__)
                with recorder:
                    run(*inputs.args, **inputs.kwargs)
                if not follower.misses(module):
                    break
                if first:  # layers that the first run made belong to the model from then on
                    follower.unfollow()
                    recorder = Recorder(on_meta=on_meta)
                    follower = ModuleTracker(recorder)
            else:
                remade = follower.adopt(module)
        refuse_threads(model.name, follower)
    except NincostError:
        raise
    except STOPS as stop:
        if isinstance(stop, Interruption):
            tell_place(stop, failed_module(follower))
        raise
    except BaseException as error:
        refuse_threads(model.name, follower)
        failed, info = follower.failed, failed_module(follower)
        explained = explain_failure(error, model.name, info, failed, inputs.specs)
        reason = fallback_reason(error)
        if reason is None and isinstance(error, RuntimeError) and not lacks(info, failed):
            reason = "unknown"
        if on_meta and reason is not None:
            raise _MetaFailedError(explained, reason) from error
        raise explained from error
    finally:
        follower.unfollow()
    parameters, buffers = _parameters(follower, recorder)
    return Trace(
        model=model.name,
        input=inputs.specs,
        batch_size=inputs.batch_size,
        mode=mode,
        modules=follower.modules,
        calls=follower.calls,
        ops=recorder.ops,
        parameters=parameters,
        buffer_elements=sum(b.numel() for b in buffers),
        buffer_bytes=sum(b.nbytes for b in buffers),
        fallback=fallback,
        remade=tuple(remade),
        details=model.details,
    )


def failed_module(follower: ModuleTracker) -> ModuleInfo | None:
    """The innermost module that an error passed through."""
    return follower.modules[follower.failed.module] if follower.failed else None


def refuse_threads(model: str, follower: ModuleTracker) -> None:
    """An operator in another thread would be missed in silence."""
    if follower.elsewhere is not None:
        raise ModelError(
            f"{model} runs layer {follower.elsewhere.path!r} in a thread of its own, where its "
            "operators cannot be recorded: call it in the thread that calls the model"
        )


def is_lazy_module(module: nn.Module) -> bool:
    return any(is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers()))


def float_dtype(module: nn.Module) -> torch.dtype:
    """The type of the model's first floating-point parameter: what its input should be in."""
    for parameter in module.parameters():
        if parameter.is_floating_point():
            return parameter.dtype
    return torch.get_default_dtype()


def random_input(inputs: ModelInput) -> ModelInput:
    from torch.utils._pytree import tree_map

    def draw(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if leaf.is_floating_point() or leaf.is_complex():
            return torch.rand(leaf.shape, dtype=leaf.dtype)
        return torch.zeros(leaf.shape, dtype=leaf.dtype)  # 0 is an index into any embedding

    return ModelInput(
        tree_map(draw, inputs.args), tree_map(draw, inputs.kwargs), inputs.specs, inputs.batch_size
    )


def _parameters(
    follower: ModuleTracker, recorder: Recorder
) -> tuple[list[ParameterInfo], list[torch.Tensor]]:
    """Every parameter and every buffer once, in order of registration."""
    found: dict[int, tuple[str, torch.Tensor, list[int]]] = {}
    buffers: dict[int, torch.Tensor] = {}
    for index, info in enumerate(follower.modules):
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
            bytes=parameter.nbytes,
            trainable=parameter.requires_grad,
            owners=tuple(owners),
            used_by=recorder.parameter_uses.get(id(parameter), -1),
        )
        for name, parameter, owners in found.values()
    ]
    return parameters, list(buffers.values())
