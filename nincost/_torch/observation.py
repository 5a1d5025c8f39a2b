"""What a script on the emulated GPU is observed by: the allocator's history, modules, backward."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nincost._torch.names import find

_OBSERVE = "observe a script"

#: Called with (device, bytes asked for, bytes allocated, bytes free) before torch raises.
OutOfMemoryObserver = Callable[[int, int, int, int], None]


def start_history(most: int, when_again: Callable[[], None]) -> None:
    """Record the allocator's history with the Python frames of each allocation.

    A script that starts or stops the history itself changes nothing: `when_again` is called.

    Raises:
        RuntimeError: the allocator's backend keeps no history.
    """
    record = find("cuda.memory._record_memory_history", _OBSERVE)
    record("all", context="alloc", stacks="python", max_entries=most)

    def stays(*_: Any, **__: Any) -> None:
        when_again()

    torch.cuda.memory._record_memory_history = stays


def memory_snapshot() -> dict[str, Any]:
    """`torch.cuda.memory._snapshot()` of all devices; torch before 2.7 asks for no memory pool."""
    snapshot = find("_C._cuda_memorySnapshot", _OBSERVE)
    try:
        found: dict[str, Any] = snapshot(None)
    except TypeError:
        found = snapshot()
    return found


def metadata_setter() -> Callable[[str], None]:
    """What sets the text that the allocator writes beside each event of this thread.

    `torch._C._cuda_setMemoryMetadata`; an older torch has none, and events go by their time.
    """
    found: Callable[[str], None] = getattr(torch._C, "_cuda_setMemoryMetadata", lambda _text: None)
    return found


def watch_out_of_memory(observer: OutOfMemoryObserver) -> None:
    """Have `observer` called whenever the allocator is about to raise."""
    find("_C._cuda_attach_out_of_memory_observer", _OBSERVE)(observer)


def is_traced_function() -> Callable[[], bool]:
    """A function that says whether what runs is traced or compiled, and does nothing on the device.

    Dynamo takes what it says for a constant, so what a wrapper does else is never compiled.
    """
    is_compiling = torch.compiler.is_compiling
    tracing_state = find("_C._get_tracing_state", _OBSERVE)
    get_mode = find("_C._get_dispatch_mode", _OBSERVE)
    proxy = find("_C._TorchDispatchModeKey.PROXY", _OBSERVE)

    def is_traced() -> bool:
        return is_compiling() or bool(tracing_state()) or get_mode(proxy) is not None

    return is_traced


def wrap_module_calls(
    enter: Callable[[Any, tuple[Any, ...], dict[str, Any]], None],
    leave: Callable[[Any, Any], None],
) -> None:
    """Have `enter` and `leave` called around each call of a module, also one that raises.

    Global hooks would send every call through torch's slow path, and have no keyword arguments.
    """
    original = nn.Module.__call__
    is_traced = is_traced_function()

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_traced():
            return original(self, *args, **kwargs)
        enter(self, args, kwargs)
        output = None
        try:
            output = original(self, *args, **kwargs)
        finally:
            leave(self, output)
        return output

    call.__name__, call.__qualname__ = "__call__", "Module.__call__"
    nn.Module.__call__ = call  # type: ignore[method-assign]


def wrap_backward(begin: Callable[[], bool], end: Callable[[], None]) -> Callable[[], None]:
    """Have `begin` called where a backward begins, and `end` when it returns.

    `begin` says whether this is an outermost backward, for which `end` is called; what is entered
    in the same thread until then is part of it. What `torch.autograd.backward` holds (the gradient
    that it starts from) belongs to backward; what does not go through it enters autograd's engine.

    Returns:
        What puts torch's own functions back.
    """
    autograd: Any = torch.autograd
    graph: Any = torch.autograd.graph
    engine = find("autograd.graph._engine_run_backward", _OBSERVE)
    backward = autograd.backward
    is_traced = is_traced_function()
    thread = threading.local()

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def run(*args: Any, **kwargs: Any) -> Any:
            if is_traced() or getattr(thread, "is_inside", False) or not begin():
                return original(*args, **kwargs)
            thread.is_inside = True
            try:
                return original(*args, **kwargs)
            finally:
                thread.is_inside = False
                end()

        return run

    def put_back() -> None:
        graph._engine_run_backward = autograd._engine_run_backward = engine
        autograd.backward = backward

    graph._engine_run_backward = autograd._engine_run_backward = around(engine)
    autograd.backward = around(backward)
    return put_back


def wrap_zero_grad(act: Callable[[], None]) -> None:
    """Have `act` called before each `zero_grad` of an optimizer or a module."""
    for owner in (torch.optim.Optimizer, nn.Module):
        original: Callable[..., Any] = owner.zero_grad

        @functools.wraps(original)
        def zero_grad(self: Any, *args: Any, _zero: Any = original, **kwargs: Any) -> Any:
            act()
            return _zero(self, *args, **kwargs)

        owner.zero_grad = zero_grad  # type: ignore[method-assign]
