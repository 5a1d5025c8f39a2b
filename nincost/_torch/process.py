"""Settings of the process for which torch has no public name."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from nincost._torch.names import bound, find, missing


def default_device_context() -> Any:
    """What `torch.set_default_device` set in this thread, apart from a `with torch.device(...)`.

    None, or an object with that `device`: `torch._GLOBAL_DEVICE_CONTEXT.device_context`.
    """
    kept = find("_GLOBAL_DEVICE_CONTEXT", "leave the default device as it was")
    return getattr(kept, "device_context", None)


def cuda_refuses_fork() -> bool:
    """Whether this is a fork of a process that had asked CUDA something."""
    return bool(find("_C._cuda_isInBadFork", "know whether a fork can use CUDA")())


def sdpa_order() -> list[int]:
    """The numbers of `SDPBackend`s in the order in which attention tries them."""
    numbers = find("_C._get_sdp_priority_order", "know which attention kernel runs")()
    return [int(number) for number in numbers]


def set_sdpa_order(numbers: list[int]) -> None:
    """Set what `sdpa_order` gives."""
    find("_C._set_sdp_priority_order", "run attention with the kernel that was asked for")(numbers)


#: `torch._C._functorch.peek_interpreter_stack()`: None outside of functorch's transforms.
innermost_transform: Callable[[], Any] = bound(
    "_C._functorch.peek_interpreter_stack",
    "see tensors under vmap as they are",
    fits=lambda found: found() is None,
)


def mapped_shape(tensor: Tensor) -> torch.Size:
    """The shape of a tensor with the dimensions that `vmap` hides, which come first."""
    functorch = find("_C._functorch", "see tensors under vmap as they are")
    hidden: list[int] = []
    logical = tensor.shape
    while functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            inner = functorch.get_unwrapped(tensor)
            hidden.insert(0, inner.shape[functorch.maybe_get_bdim(tensor)])
            tensor = inner
        else:
            tensor = functorch.get_unwrapped(tensor)
    return torch.Size((*hidden, *logical))


def values_of_jagged(tensor: Tensor) -> Tensor:
    """The one tensor in which a jagged nested tensor keeps all its parts: its `_values`."""
    if not hasattr(tensor, "_values"):
        raise missing("torch.nested tensor with _values", "know a jagged tensor's size")
    found: Any = tensor._values
    return found  # type: ignore[no-any-return]


#: Set to 1 it has torch compile nothing; torch looks at it each time.
_NO_COMPILER = "TORCHDYNAMO_DISABLE"
_compiler_lock = threading.Lock()
_compiler_off = 0
_around_compiler = contextlib.ExitStack()


@contextlib.contextmanager
def _any_device_in_flex_attention() -> Iterator[None]:
    """Leave out flex_attention's look at the device, `_validate_device`: on meta it works as well.

    Where it is not imported yet, or has no such check, nothing is changed.
    """
    name = "_validate_device"
    module = sys.modules.get("torch.nn.attention.flex_attention")
    check = getattr(module, name, None)
    if check is None:
        yield
        return
    setattr(module, name, lambda *_: None)
    try:
        yield
    finally:
        setattr(module, name, check)


@contextlib.contextmanager
def compiler_off() -> Iterator[None]:
    """Have `torch.compile` do nothing inside, and flex_attention take meta tensors.

    A function that is only now to be compiled is not, by TORCHDYNAMO_DISABLE, which torch looks at
    each time, and which needs no import of its compiler; one that has been compiled runs as it was
    written (`torch.compiler.set_stance`). These belong to the process: the last thread to leave
    restores them.
    """
    global _compiler_off  # noqa: PLW0603
    with _compiler_lock:
        if _compiler_off == 0:
            _around_compiler.callback(_set_variable, _NO_COMPILER, os.environ.get(_NO_COMPILER))
            _set_variable(_NO_COMPILER, "1")
            if "torch._dynamo" in sys.modules:
                _around_compiler.enter_context(torch.compiler.set_stance("force_eager"))
            _around_compiler.enter_context(_any_device_in_flex_attention())
        _compiler_off += 1
    try:
        yield
    finally:
        with _compiler_lock:
            _compiler_off -= 1
            if _compiler_off == 0:
                _around_compiler.close()


def _set_variable(name: str, value: str | None) -> None:
    """Set an environment variable; None removes it."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


@contextlib.contextmanager
def modes_set_aside() -> Iterator[None]:
    """Leave the modes that this thread is in, and enter them again at the end.

    These are functorch's transforms (a call under `vmap` or `grad`), dispatch modes (fake tensors,
    a counter of FLOPs), function modes (`with torch.device(...)`) and hooks for saved tensors.
    """
    purpose = "leave the modes around a call"
    with contextlib.ExitStack() as modes:
        if innermost_transform() is not None:
            path = "_functorch.pyfunctorch.temporarily_clear_interpreter_stack"
            modes.enter_context(find(path, purpose)())
        if find("_C._len_torch_dispatch_stack", purpose)():
            path = "utils._python_dispatch._disable_current_modes"
            modes.enter_context(find(path, purpose)())
        for _ in range(find("_C._len_torch_function_stack", purpose)()):
            modes.enter_context(find("overrides._pop_mode_temporarily", purpose)())
        modes.enter_context(_saved_tensors_hooks_set_aside())
        yield


@contextlib.contextmanager
def _saved_tensors_hooks_set_aside() -> Iterator[None]:
    """Leave what packs and unpacks the tensors that autograd keeps, and what forbids to do so."""
    autograd = find("_C._autograd", "leave the hooks around a call")
    forbidden = autograd._saved_tensors_hooks_get_disabled_error_message()
    autograd._saved_tensors_hooks_enable()
    hooks = []
    while (pair := autograd._top_saved_tensors_default_hooks(True)) is not None:
        hooks.append(pair)
        autograd._pop_saved_tensors_default_hooks()
    try:
        yield
    finally:
        for pair in reversed(hooks):
            autograd._push_saved_tensors_default_hooks(*pair)
        if forbidden is not None:
            autograd._saved_tensors_hooks_disable(forbidden)
