"""Settings of the process for which torch has no public name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from nincost._torch.names import find


def default_device_context() -> Any:
    """What `torch.set_default_device` set in this thread, apart from a `with torch.device(...)`.

    None, or an object with that `device`: `torch._GLOBAL_DEVICE_CONTEXT.device_context`.
    """
    kept = find("_GLOBAL_DEVICE_CONTEXT", "leave the default device as it was")
    return getattr(kept, "device_context", None)


def sdpa_order() -> list[int]:
    """The numbers of `SDPBackend`s in the order in which attention tries them."""
    numbers = find("_C._get_sdp_priority_order", "know which attention kernel runs")()
    return [int(number) for number in numbers]


def set_sdpa_order(numbers: list[int]) -> None:
    """Set what `sdpa_order` gives."""
    find("_C._set_sdp_priority_order", "run attention with the kernel that was asked for")(numbers)


@contextlib.contextmanager
def modes_set_aside() -> Iterator[None]:
    """Leave the modes that this thread is in, and enter them again at the end.

    These are functorch's transforms (a call under `vmap` or `grad`), dispatch modes (fake tensors,
    a counter of FLOPs), function modes (`with torch.device(...)`) and hooks for saved tensors.
    """
    purpose = "leave the modes around a call"
    with contextlib.ExitStack() as modes:
        if find("_C._functorch.peek_interpreter_stack", purpose)() is not None:
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
