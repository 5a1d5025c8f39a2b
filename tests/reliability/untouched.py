"""All that a profile must leave as it was: a module, and the process around it."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import random
import sys
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as registry
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from nincost._trace.recorder import Recorder
from nincost.errors import NincostError

_PLAIN = (int, float, bool, complex, str, bytes, type(None), type, types.FunctionType,
          types.BuiltinFunctionType, types.ModuleType, torch.dtype, torch.device, torch.Size,
          torch.layout, torch.memory_format)  # fmt: skip


def module_state(model: nn.Module) -> dict[str, Any]:
    """Every attribute of every submodule, as deep as it goes: values, identities and order."""
    seen: dict[int, int] = {}
    found: dict[str, Any] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        found[f"{path} class"] = type(module)
        for name, value in module.__dict__.items():
            found[f"{path}.{name}"] = _form(value, seen)
        found[f"{path} attributes"] = list(module.__dict__)
    return found


def _form(value: Any, seen: dict[int, int]) -> Any:
    """Something to compare by: equal only where nothing in `value` has changed."""
    if isinstance(value, _PLAIN):
        return (type(value), value)
    if id(value) in seen:
        return ("as before", seen[id(value)])
    seen[id(value)] = len(seen)
    if isinstance(value, Tensor):
        grad = None if value.grad is None else _form(value.grad, seen)
        return (id(value), _bytes(value), value._version, value.requires_grad, value.device, grad)
    if isinstance(value, nn.Module):
        return ("module", id(value))
    if isinstance(value, dict):
        items = [(_form(key, seen), _form(item, seen)) for key, item in value.items()]
        return (id(value), type(value), items)
    if isinstance(value, list | tuple | set | frozenset):
        return (id(value), type(value), [_form(item, seen) for item in value])
    inner = getattr(value, "__dict__", None)
    return (id(value), type(value), _form(dict(inner), seen)[2] if inner else repr(type(value)))


def _bytes(tensor: Tensor) -> str:
    if is_lazy(tensor) or tensor.is_meta or tensor.layout is not torch.strided:
        return "none"
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    dense = tensor.detach().contiguous().reshape(-1)
    return hashlib.blake2b(dense.view(torch.uint8).numpy().data).hexdigest()


def world_state() -> dict[str, Any]:
    """Random states, torch's global settings and hooks, and Python's."""
    numpy_state: Any = np.random.get_state()
    return {
        "random of torch": torch.get_rng_state().tolist(),
        "random of Python": random.getstate(),
        "random of numpy": (numpy_state[1].tolist(), *numpy_state[2:]),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "anomaly mode": torch.is_anomaly_enabled(),
        "autocast": [
            (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))
            for device in ("cpu", "cuda")
        ],
        "autocast cache": torch.is_autocast_cache_enabled(),
        "deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.allow_tf32,
            torch.backends.cudnn.enabled,
            torch.backends.mkldnn.enabled,  # type: ignore[attr-defined]
        ),
        "kernels": (
            torch.backends.mha.get_fastpath_enabled(),
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.math_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
            torch.backends.cuda.cudnn_sdp_enabled(),
            torch.get_float32_matmul_precision(),
        ),
        "threads": torch.get_num_threads(),
        "modes": [type(mode) for mode in _get_current_dispatch_mode_stack()],
        "function modes": torch._C._len_torch_function_stack(),
        "module hooks": {
            name: list(value)
            for name, value in vars(registry).items()
            if name.startswith("_global_") and isinstance(value, dict)
        },
        "saved tensor hooks": torch._C._autograd._top_saved_tensors_default_hooks(True),
        "collector": gc.isenabled(),
        "warnings": list(warnings.filters),
        "logging": (logging.root.level, logging.root.disabled),
        "recursion limit": sys.getrecursionlimit(),
        "standard streams": (id(sys.stdout), id(sys.stderr)),
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what is not as it was."""
    names = {**before, **after}
    return [name for name in names if before.get(name) != after.get(name)]


class OnPurposeError(Exception):
    """An error that a test raises in the middle of a run; none that is tried on the CPU again."""


@contextlib.contextmanager
def failing_at(operator: int, error: BaseException) -> Iterator[list[int]]:
    """Let the recorder's operator of this number raise, in forward and in backward.

    Gives a list with how many operators ran.
    """
    ran = [0]
    dispatch = Recorder.__torch_dispatch__

    def run(self: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        ran[0] += 1
        if ran[0] == operator:
            raise error
        return dispatch(self, func, types, args, kwargs)

    Recorder.__torch_dispatch__ = run  # type: ignore[method-assign]
    try:
        yield ran
    finally:
        Recorder.__torch_dispatch__ = dispatch  # type: ignore[method-assign]


def a_hook_that_fails(model: nn.Module, rng: Random) -> Any:
    """A hook of a random kind on a random submodule that raises; its handle."""

    def hook(*_: Any) -> None:
        raise OnPurposeError("a hook, on purpose")

    module = rng.choice(list(model.modules()))
    return rng.choice((module.register_forward_hook, module.register_forward_pre_hook))(hook)


@contextlib.contextmanager
def watched(model: nn.Module, what: str, found: list[str]) -> Iterator[None]:
    """Note in `found` what is not as it was when the block ends, however it ends."""
    before, around = module_state(model), world_state()
    try:
        yield
    finally:
        left = [*changed(before, module_state(model)), *changed(around, world_state())]
        if left:
            found.append(f"{what}: {', '.join(left[:6])}")


#: What a run may end in; all else is told as a crash.
EXPECTED = (NincostError, OnPurposeError, KeyboardInterrupt)


@dataclass
class Tried:
    """Runs of one model: how many, how many of them ended in an error, and what they left."""

    runs: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def run(self, model: nn.Module, what: str, command: Callable[[], Any]) -> None:
        self.runs += 1
        with watched(model, what, self.found):
            try:
                command()
            except EXPECTED as error:
                text = f"{what.partition(',')[0]}: {type(error).__name__}: {error}"
                self.errors[text] += 1
            except Exception as error:
                self.found.append(f"{what}: ended in {type(error).__name__}: {error}")


def try_all(
    model: nn.Module,
    commands: dict[str, Callable[[], Any]],
    rng: Random,
    *,
    faults: int,
    hooks: int,
) -> Tried:
    """Run each command on `model` as it is, and random ones with an error inside.

    `faults` of them raise at a random operator, an error and an interrupt by turns; in `hooks` of
    them a hook of a random module raises.
    """
    tried = Tried()
    operators = {}
    for name, command in commands.items():
        with failing_at(-1, OnPurposeError()) as ran:
            tried.run(model, name, command)
        operators[name] = max(ran[0], 1)
    for number in range(faults):
        name = rng.choice(list(commands))
        place = rng.randint(1, operators[name])
        error = KeyboardInterrupt() if number % 2 else OnPurposeError("an operator, on purpose")
        with failing_at(place, error):
            what = f"{name}, {type(error).__name__} at operator {place} of {operators[name]}"
            tried.run(model, what, commands[name])
    for _ in range(hooks):
        name = rng.choice(list(commands))
        handle = a_hook_that_fails(model, rng)
        tried.run(model, f"{name}, a hook that fails", commands[name])
        handle.remove()
    return tried
